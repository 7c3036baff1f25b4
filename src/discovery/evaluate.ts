/** Gives expressions a meaning: which app, which decorator, which constant. */
import { noArguments } from './expressions';
import type { CallArguments, Expression } from './expressions';
import type { DefinitionItem, Facts, ImportItem } from './facts';
import type { LiteralValue } from './model';
import { Environment, literalOf } from './values';
import type { ModuleValue, ResolveContext, Value } from './values';

const sdkModule = 'velar';
const sdkExports = ['App', 'Image', 'Secret', 'Volume', 'gpu', 'enter', 'exit', 'method', 'phase'];

/** Calls into functions that build apps are followed this deep. */
const maximumCalls = 4;

/** Names that one module imports from the next are followed this far. */
const maximumImports = 8;

/** Evaluates the expressions of one module. */
export class Evaluator {
  private calls = 0;
  private imports = 0;
  /** Names of the module itself that were asked for. */
  readonly asked = new Set<string>();

  constructor(private readonly context: ResolveContext) {}

  /** All that an expression may stand for; empty when that is nothing of interest. */
  evaluate(expression: Expression, scope: Environment): readonly Value[] {
    switch (expression.kind) {
      case 'name':
        return this.lookUp(expression.path, scope);
      case 'call':
        return this.lookUp(expression.callee, scope).flatMap((callee) =>
          this.call(callee, expression.call, scope),
        );
      case 'constant':
      case 'sequence':
      case 'dictionary': {
        const value = this.literal(expression, scope, true);
        return value === undefined ? [] : [{ kind: 'constant', value }];
      }
      case 'other':
        return [];
    }
  }

  /** All that a dotted name may stand for. */
  lookUp(path: readonly string[], scope: Environment): readonly Value[] {
    const [root, ...rest] = path;
    if (root === undefined) return [];
    this.asked.add(root);
    let values = scope.get(root).flatMap((value) => this.follow(value));
    for (const part of rest) values = values.flatMap((value) => this.attribute(value, part));
    return values;
  }

  /** The values that an annotation promises: an app for `velar.App`. */
  annotated(annotation: Expression, scope: Environment): readonly Value[] {
    const types = this.evaluate(annotation, scope);
    return types.some(isAppClass) ? [{ kind: 'app', name: undefined }] : [];
  }

  /**
   * JSON of an expression. GPU names of the SDK count as literals; other names only where
   * `constants` is set and they stand for one constant.
   */
  literal(
    expression: Expression,
    scope: Environment,
    constants: boolean,
  ): LiteralValue | undefined {
    return literalOf(expression, (path, call) => {
      const values = this.lookUp(path, scope);
      const [value] = values;
      if (value?.kind === 'sdk' && value.path.length === 2 && value.path[0] === 'gpu') {
        return gpuName(value.path[1] ?? '', call);
      }
      if (call !== undefined) return undefined;
      return constants && values.length === 1 && value?.kind === 'constant'
        ? value.value
        : undefined;
    });
  }

  /** Binds what an import statement binds. */
  import(item: ImportItem, scope: Environment): void {
    const { module, level } = item;
    if (item.form === 'call') return;
    if (item.form === 'module') {
      const top = module.split('.', 1)[0] ?? module;
      scope.set(item.as ?? top, this.moduleValues(item.as === undefined ? top : module, 0));
      return;
    }
    const source = this.moduleValues(module, level);
    for (const { name, as } of item.names) {
      if (name !== '*') {
        scope.set(
          as,
          source.flatMap((value) =>
            value.kind === 'module'
              ? [{ kind: 'imported', source: value, name }]
              : this.attribute(value, name),
          ),
        );
        continue;
      }
      for (const value of source) {
        for (const exported of this.exportsOf(value)) {
          scope.set(exported, this.attribute(value, exported));
        }
      }
    }
  }

  private moduleValues(module: string, level: number): readonly Value[] {
    const path = module.split('.');
    if (level === 0 && path[0] === sdkModule) return [{ kind: 'sdk', path: path.slice(1) }];
    return [{ kind: 'module', module, level, fromFile: this.context.file }];
  }

  private exportsOf(value: Value): string[] {
    if (value.kind === 'sdk') return value.path.length === 0 ? sdkExports : [];
    if (value.kind !== 'module') return [];
    const names = this.context.resolve(value)?.names.keys() ?? [];
    return [...names].filter((name) => !name.startsWith('_'));
  }

  /** What an imported name stands for; modules that import each other in a circle end it. */
  private follow(value: Value): readonly Value[] {
    if (value.kind !== 'imported') return [value];
    if (this.imports >= maximumImports) return [];
    this.imports++;
    const values = this.attribute(value.source, value.name);
    this.imports--;
    return values;
  }

  private attribute(value: Value, name: string): readonly Value[] {
    switch (value.kind) {
      case 'sdk':
        return [{ kind: 'sdk', path: [...value.path, name] }];
      case 'app':
        return [{ kind: 'app-member', app: value.name, member: name }];
      case 'module':
        return this.memberOf(value, name);
      case 'imported':
        return this.follow(value).flatMap((found) => this.attribute(found, name));
      case 'app-member':
      case 'decorator':
      case 'function':
      case 'constant':
        return [];
    }
  }

  private memberOf(module: ModuleValue, name: string): readonly Value[] {
    const found = this.context.resolve(module)?.names.get(name);
    return found?.flatMap((value) => this.follow(value)) ?? [submodule(module, name)];
  }

  private call(callee: Value, call: CallArguments, scope: Environment): readonly Value[] {
    switch (callee.kind) {
      case 'sdk':
        if (isAppClass(callee)) return [{ kind: 'app', name: this.appName(call, scope) }];
        if (callee.path.length !== 1) return [];
        return [
          { kind: 'decorator', fromApp: false, app: undefined, member: callee.path[0] ?? '', call },
        ];
      case 'app-member':
        return [{ kind: 'decorator', fromApp: true, app: callee.app, member: callee.member, call }];
      case 'function':
        return this.callFunction(callee.item, callee.scope);
      case 'app':
      case 'decorator':
      case 'module':
      case 'imported':
      case 'constant':
        return [];
    }
  }

  private appName(call: CallArguments, scope: Environment): string | undefined {
    const named = call.keywords.find(([name]) => name === 'name')?.[1];
    const expression = call.positional[0] ?? named;
    const value = expression === undefined ? undefined : this.literal(expression, scope, true);
    return typeof value === 'string' ? value : undefined;
  }

  /** What a function of this module returns, as far as that is an app or what makes one. */
  private callFunction(item: DefinitionItem, scope: Environment): readonly Value[] {
    if (this.calls >= maximumCalls) return [];
    this.calls++;
    const inner = new Environment(scope);
    for (const parameter of item.parameters) inner.set(parameter.name, []);
    const values: Value[] = [];
    this.run(item.body.facts, inner, values);
    this.calls--;
    return values.length > 0 ? values : this.annotated(item.returnAnnotation, scope);
  }

  /** Runs assignments and imports of a function's body in order; branches count as taken. */
  private run(facts: Facts, scope: Environment, returned: Value[]): void {
    for (const item of facts.items) {
      switch (item.kind) {
        case 'group':
          this.run(item.part.facts, scope, returned);
          break;
        case 'bind':
          for (const name of item.names) scope.set(name, this.evaluate(item.value, scope));
          break;
        case 'import':
          this.import(item, scope);
          break;
        case 'return':
          returned.push(...this.evaluate(item.value, scope));
          break;
        case 'branch':
          for (const arm of item.arms) this.run(arm.facts, scope, returned);
          break;
        case 'try':
          this.run(item.body.facts, scope, returned);
          break;
        case 'function':
        case 'class':
          scope.set(item.name, []);
          break;
      }
    }
  }
}

/** The decorator that a decorator expression stands for; one without parentheses has no arguments. */
export function asDecorator(value: Value): Extract<Value, { kind: 'decorator' }> | undefined {
  if (value.kind === 'decorator') return value;
  if (value.kind === 'app-member') {
    return {
      kind: 'decorator',
      fromApp: true,
      app: value.app,
      member: value.member,
      call: noArguments,
    };
  }
  if (value.kind === 'sdk' && value.path.length === 1) {
    return {
      kind: 'decorator',
      fromApp: false,
      app: undefined,
      member: value.path[0] ?? '',
      call: noArguments,
    };
  }
  return undefined;
}

/** `A100`, or `A100:2` for `velar.gpu.A100(count=2)`; undefined where the count is no literal. */
function gpuName(attribute: string, call: CallArguments | undefined): string | undefined {
  const name = attribute.replaceAll('_', '-');
  if (call === undefined) return name;
  const count = call.positional[0] ?? call.keywords.find(([key]) => key === 'count')?.[1];
  if (count === undefined) return name;
  return count.kind === 'constant' && typeof count.value === 'number'
    ? `${name}:${count.value}`
    : undefined;
}

function isAppClass(value: Value): boolean {
  return value.kind === 'sdk' && value.path.length === 1 && value.path[0] === 'App';
}

function submodule(value: ModuleValue, name: string): ModuleValue {
  return { ...value, module: value.module === '' ? name : `${value.module}.${name}` };
}
