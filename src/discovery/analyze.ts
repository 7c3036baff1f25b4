/** Facts -> the functions that can be run: one pass over the module, in the order Python runs it. */
import { asDecorator, Evaluator } from './evaluate';
import type { DefinitionItem, Facts, Part, TryItem } from './facts';
import type { DiscoveredFunction, FunctionKind, FunctionOffsets, LiteralValue } from './model';
import { Environment } from './values';
import type { ModuleExports, ResolveContext, Value } from './values';

/** What stays the same of a function when text above it is edited. */
export type FunctionDetails = Omit<
  DiscoveredFunction,
  'line' | 'column' | 'decoratorLine' | 'endLine' | 'offsets'
>;

/** A found function before its offsets have lines. */
export interface FoundFunction {
  readonly details: FunctionDetails;
  readonly offsets: FunctionOffsets;
  /** Syntax errors between the first decorator and the body. */
  readonly headerErrors: number;
}

export interface Analysis {
  readonly functions: readonly FoundFunction[];
  readonly exports: ModuleExports;
  /** Names whose meaning was asked for: what any other name stands for changes nothing. */
  readonly asked: ReadonlySet<string>;
}

/** Reads what a module defines. */
export function analyze(facts: Facts, context: ResolveContext): Analysis {
  const analyzer = new Analyzer(context);
  const scope = new Environment();
  analyzer.module({ at: 0, facts }, scope);
  return {
    functions: analyzer.found,
    exports: { names: scope.entries() },
    asked: analyzer.evaluator.asked,
  };
}

interface OwnerClass {
  readonly qualname: string;
  readonly app: string | undefined;
  readonly gpu: string | undefined;
}

type Decorator = Extract<Value, { kind: 'decorator' }>;

const appDecorators = new Map<string, { functions: FunctionKind } | { classes: FunctionKind }>([
  ['function', { functions: 'function' }],
  ['endpoint', { functions: 'endpoint' }],
  ['local_entrypoint', { functions: 'local_entrypoint' }],
  ['cls', { classes: 'cls' }],
]);

class Analyzer {
  readonly found: FoundFunction[] = [];
  readonly evaluator: Evaluator;

  constructor(context: ResolveContext) {
    this.evaluator = new Evaluator(context);
  }

  module(part: Part, scope: Environment): void {
    this.scope(part, 0, scope, '', undefined);
  }

  private scope(
    part: Part,
    base: number,
    scope: Environment,
    prefix: string,
    owner: OwnerClass | undefined,
  ): void {
    const start = base + part.at;
    const run = (arm: Part, inner: Environment): Environment => {
      this.scope(arm, start, inner, prefix, owner);
      return inner;
    };
    for (const item of part.facts.items) {
      switch (item.kind) {
        case 'group':
          this.scope(item.part, start, scope, prefix, owner);
          break;
        case 'bind': {
          const values = this.evaluator.evaluate(item.value, scope);
          const known =
            values.length > 0 ? values : this.evaluator.annotated(item.annotation, scope);
          for (const name of item.names) scope.set(name, known);
          break;
        }
        case 'import':
          this.evaluator.import(item, scope);
          break;
        case 'branch':
          scope.join(
            item.arms.map((arm) => run(arm, new Environment(scope))),
            item.exhaustive,
          );
          break;
        case 'try':
          runTry(item, scope, run);
          break;
        case 'function':
          this.function(item, start, scope, prefix, owner);
          scope.set(item.name, [{ kind: 'function', item, scope }]);
          break;
        case 'class':
          this.class(item, start, scope, prefix);
          scope.set(item.name, []);
          break;
        case 'return':
          break;
      }
    }
  }

  private decorators(item: DefinitionItem, scope: Environment): Decorator[] {
    return item.decorators.flatMap(({ path, call }) => {
      const expression =
        call === undefined
          ? ({ kind: 'name', path } as const)
          : ({ kind: 'call', callee: path, call } as const);
      return this.evaluator
        .evaluate(expression, scope)
        .flatMap((value) => asDecorator(value) ?? []);
    });
  }

  private function(
    item: DefinitionItem,
    base: number,
    scope: Environment,
    prefix: string,
    owner: OwnerClass | undefined,
  ): void {
    for (const decorator of this.decorators(item, scope)) {
      if (decorator.member === 'method' && !decorator.fromApp && owner !== undefined) {
        const gpu = this.gpuLabel(decorator, scope) ?? owner.gpu;
        this.add(item, base, scope, prefix, 'method', { ...decorator, app: owner.app }, gpu);
        return;
      }
      const kind = decoratorKind(decorator, 'functions');
      if (kind !== undefined) {
        this.add(item, base, scope, prefix, kind, decorator, this.gpuLabel(decorator, scope));
        return;
      }
    }
  }

  private class(item: DefinitionItem, base: number, scope: Environment, prefix: string): void {
    const qualname = prefix + item.name;
    const decorator = this.decorators(item, scope).find(
      (candidate) => decoratorKind(candidate, 'classes') !== undefined,
    );
    let owner: OwnerClass | undefined;
    if (decorator !== undefined) {
      const gpu = this.gpuLabel(decorator, scope);
      owner = { qualname, app: decorator.app, gpu };
      const constructor = findFunction(item.body.facts, '__init__');
      const parameters = constructor?.parameters ?? [];
      this.add({ ...item, parameters }, base, scope, prefix, 'cls', decorator, gpu);
    }
    this.scope(item.body, base, new Environment(scope), `${qualname}.`, owner);
  }

  private add(
    item: DefinitionItem,
    base: number,
    scope: Environment,
    prefix: string,
    kind: FunctionKind,
    decorator: Decorator,
    gpu: string | undefined,
  ): void {
    const bound = kind === 'method' || kind === 'cls';
    const options: Record<string, LiteralValue> = {};
    const dynamicOptions: string[] = [];
    for (const [name, expression] of decorator.call.keywords) {
      const value = this.evaluator.literal(expression, scope, false);
      if (value === undefined) dynamicOptions.push(name);
      else options[name] = value;
    }
    if (decorator.call.splat) dynamicOptions.push('**');
    const details: FunctionDetails = {
      name: item.name,
      qualname: prefix + item.name,
      kind,
      app: decorator.app,
      parameters: bound ? withoutReceiver(item.parameters) : item.parameters,
      returns: item.returns,
      isAsync: item.isAsync,
      isGenerator: item.kind === 'function' && item.body.facts.yields,
      options,
      dynamicOptions,
      gpu,
    };
    this.found.push({
      details,
      offsets: offsetsOf(item, base),
      headerErrors: item.headerErrors,
    });
  }

  private gpuLabel(decorator: Decorator, scope: Environment): string | undefined {
    const expression = decorator.call.keywords.find(([name]) => name === 'gpu')?.[1];
    const value = expression && this.evaluator.literal(expression, scope, true);
    if (typeof value === 'string' && value !== '') return value;
    if (!Array.isArray(value)) return undefined;
    const names = (value as readonly LiteralValue[]).filter((name) => typeof name === 'string');
    return names.length > 0 ? names.join(' | ') : undefined;
  }
}

/** Any statement of the body may raise: a handler sees what was bound before or in the body. */
function runTry(
  item: TryItem,
  scope: Environment,
  run: (arm: Part, inner: Environment) => Environment,
): void {
  const body = run(item.body, new Environment(scope));
  const failed = new Environment(scope);
  failed.join([body], false);
  if (item.orElse !== undefined) run(item.orElse, body);
  const handled = item.handlers.map((handler) => run(handler, new Environment(failed)));
  scope.join([body, ...handled], true);
  if (item.finalizer !== undefined) run(item.finalizer, scope);
}

function decoratorKind(
  decorator: Decorator,
  target: 'functions' | 'classes',
): FunctionKind | undefined {
  // `velar.function` is not a thing: only an app has these, and it is an app even without a name.
  const known = decorator.fromApp ? appDecorators.get(decorator.member) : undefined;
  if (known === undefined) return undefined;
  if (target === 'functions') return 'functions' in known ? known.functions : undefined;
  return 'classes' in known ? known.classes : undefined;
}

function offsetsOf(item: DefinitionItem, base: number): FunctionOffsets {
  return {
    start: base + item.start,
    definition: base + item.definition,
    name: base + item.nameAt,
    header: base + item.header,
    end: base + item.end,
  };
}

function withoutReceiver(parameters: DefinitionItem['parameters']): DefinitionItem['parameters'] {
  const first = parameters[0]?.kind;
  const isReceiver = first === 'positional_or_keyword' || first === 'positional_only';
  return isReceiver ? parameters.slice(1) : parameters;
}

function findFunction(facts: Facts, name: string): DefinitionItem | undefined {
  let found: DefinitionItem | undefined;
  for (const item of facts.items) {
    if (item.kind === 'function' && item.name === name) found = item;
    if (item.kind === 'group') found = findFunction(item.part.facts, name) ?? found;
  }
  return found;
}
