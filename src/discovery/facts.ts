/**
 * What one piece of syntax says, before names have a meaning. Positions are relative to the piece,
 * so that facts of unchanged syntax stay valid wherever an edit moves it.
 */
import type { CallArguments, Expression } from './expressions';
import type { Parameter } from './model';

export interface Facts {
  /** Count of syntax errors, functions included. */
  readonly errors: number;
  /** True when a `yield` makes the enclosing function a generator. */
  readonly yields: boolean;
  /** In source order. */
  readonly items: readonly Item[];
}

/** Facts that start `at` characters after the start of the facts that hold them. */
export interface Part {
  readonly at: number;
  readonly facts: Facts;
}

export type Item =
  | { readonly kind: 'group'; readonly part: Part }
  | BindItem
  | ImportItem
  | DefinitionItem
  | BranchItem
  | TryItem
  | { readonly kind: 'return'; readonly value: Expression };

/** Names that get a value; `other` where discovery can't follow it. */
export interface BindItem {
  readonly kind: 'bind';
  readonly names: readonly string[];
  readonly value: Expression;
  readonly annotation: Expression;
}

export interface ImportedName {
  /** Name in the module, `*` for a star. */
  readonly name: string;
  /** Name it is bound to here. */
  readonly as: string;
}

export interface ImportItem {
  readonly kind: 'import';
  /** `module` for `import a.b`, `from` for `from a import b`, `call` for `__import__('a')`. */
  readonly form: 'module' | 'from' | 'call';
  readonly at: number;
  readonly length: number;
  readonly module: string;
  readonly level: number;
  readonly names: readonly ImportedName[];
  /** Name that `import a.b as c` binds; undefined without `as`. */
  readonly as: string | undefined;
}

export interface DecoratorFact {
  readonly path: readonly string[];
  /** Undefined without parentheses. */
  readonly call: CallArguments | undefined;
}

/** Offsets relative to the facts that hold the item. */
export interface DefinitionItem {
  readonly kind: 'function' | 'class';
  readonly name: string;
  readonly decorators: readonly DecoratorFact[];
  readonly start: number;
  readonly definition: number;
  readonly nameAt: number;
  readonly header: number;
  readonly end: number;
  readonly parameters: readonly Parameter[];
  readonly returns: string | undefined;
  readonly returnAnnotation: Expression;
  readonly isAsync: boolean;
  /** Syntax errors in decorators, name, parameters and annotations. */
  readonly headerErrors: number;
  readonly body: Part;
}

/** `if`, `match` and loops: one of the arms runs, or none where not exhaustive. */
export interface BranchItem {
  readonly kind: 'branch';
  readonly arms: readonly Part[];
  readonly exhaustive: boolean;
  /** True for `if TYPE_CHECKING`: the first arm only matters to type checkers. */
  readonly typeChecking: boolean;
}

export interface TryItem {
  readonly kind: 'try';
  readonly body: Part;
  readonly handlers: readonly Part[];
  readonly orElse: Part | undefined;
  readonly finalizer: Part | undefined;
  /** True when a handler catches what a missing module raises. */
  readonly guardsImports: boolean;
}

export const noFacts: Facts = { errors: 0, yields: false, items: [] };

/** Collects the facts of one piece of syntax that starts at offset `base`. */
export class FactsBuilder {
  private items: Item[] = [];
  errors = 0;
  yields = false;

  constructor(readonly base: number) {}

  add(item: Item): void {
    this.items.push(item);
  }

  /** Adds facts of a child that starts at the absolute offset `from`. */
  attach(from: number, facts: Facts): void {
    this.errors += facts.errors;
    this.yields ||= facts.yields;
    if (facts.items.length > 0) {
      this.items.push({ kind: 'group', part: { at: from - this.base, facts } });
    }
  }

  /** Adds only the errors of a part that is a scope or an arm of its own. */
  count(part: Part): void {
    this.errors += part.facts.errors;
  }

  finish(): Facts {
    if (this.errors === 0 && !this.yields && this.items.length === 0) return noFacts;
    return { errors: this.errors, yields: this.yields, items: this.items };
  }
}
