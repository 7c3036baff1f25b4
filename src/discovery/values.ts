/** What a name can stand for, as far as discovery cares. */
import type { CallArguments, Expression } from './expressions';
import type { DefinitionItem } from './facts';
import type { LiteralValue } from './model';

export type Value =
  /** The `velar` package (empty path) or something in it: `['App']`, `['gpu', 'L4']`. */
  | { readonly kind: 'sdk'; readonly path: readonly string[] }
  | { readonly kind: 'app'; readonly name: string | undefined }
  /** `app.function`, not yet called. */
  | { readonly kind: 'app-member'; readonly app: string | undefined; readonly member: string }
  /** `app.function(gpu="L4")` with `fromApp`, or `velar.method()` without. */
  | {
      readonly kind: 'decorator';
      readonly fromApp: boolean;
      readonly app: string | undefined;
      readonly member: string;
      readonly call: CallArguments;
    }
  /** Another module of the workspace, and a name in it; looked up only when it is needed. */
  | ModuleValue
  | { readonly kind: 'imported'; readonly source: ModuleValue; readonly name: string }
  /** With the scope it was defined in. */
  | { readonly kind: 'function'; readonly item: DefinitionItem; readonly scope: Environment }
  | { readonly kind: 'constant'; readonly value: LiteralValue };

export interface ModuleValue {
  readonly kind: 'module';
  readonly module: string;
  readonly level: number;
  /** File that holds the import: relative imports start there. */
  readonly fromFile: string;
}

/** Asks for what a module of the workspace defines. */
export interface ModuleRequest {
  /** Dotted name; empty for the package itself (`from . import x`). */
  readonly module: string;
  readonly level: number;
  readonly fromFile: string;
}

/** What other modules can import from a module. */
export interface ModuleExports {
  readonly names: ReadonlyMap<string, readonly Value[]>;
}

/** Finds a module of the workspace; undefined when it is not one. */
export type ModuleResolver = (request: ModuleRequest) => ModuleExports | undefined;

export interface ResolveContext {
  /** The module's own file, in whatever form the resolver understands. */
  readonly file: string;
  readonly resolve: ModuleResolver;
}

export const noModules: ModuleResolver = () => undefined;

/** Names of one scope that stand for something discovery cares about, on top of those around it. */
export class Environment {
  /** An empty list says: bound to something else. */
  private readonly own = new Map<string, readonly Value[]>();

  constructor(private readonly parent?: Environment) {}

  get(name: string): readonly Value[] {
    return this.own.get(name) ?? this.parent?.get(name) ?? [];
  }

  set(name: string, values: readonly Value[]): void {
    if (values.length === 0 && this.get(name).length === 0) return;
    this.own.set(name, values);
  }

  /** Takes over what alternative scopes above this one bound; `complete` when one of them runs. */
  join(alternatives: readonly Environment[], complete: boolean): void {
    const names = new Set(alternatives.flatMap((alternative) => [...alternative.own.keys()]));
    for (const name of names) {
      const values = new Set(complete ? [] : this.get(name));
      for (const alternative of alternatives) {
        for (const value of alternative.get(name)) values.add(value);
      }
      this.set(name, [...values]);
    }
  }

  /** Everything bound in this scope itself. */
  entries(): Map<string, readonly Value[]> {
    return new Map([...this.own].filter(([, values]) => values.length > 0));
  }
}

/** JSON of an expression made of literals alone; undefined otherwise. `named` may resolve names and calls. */
export function literalOf(
  expression: Expression,
  named: (path: readonly string[], call?: CallArguments) => LiteralValue | undefined,
): LiteralValue | undefined {
  switch (expression.kind) {
    case 'constant':
      return expression.value;
    case 'name':
      return named(expression.path);
    case 'sequence': {
      const items: LiteralValue[] = [];
      for (const item of expression.items) {
        const value = literalOf(item, named);
        if (value === undefined) return undefined;
        items.push(value);
      }
      return items;
    }
    case 'dictionary': {
      const entries: [string, LiteralValue][] = [];
      for (const [key, item] of expression.entries) {
        const value = literalOf(item, named);
        if (value === undefined) return undefined;
        entries.push([key, value]);
      }
      return Object.fromEntries(entries);
    }
    case 'call':
      return named(expression.callee, expression.call);
    case 'other':
      return undefined;
  }
}
