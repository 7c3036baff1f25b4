/** What discovery reports about a Python file. Everything here is plain data. */

/** What a decorated definition is for; the words of the SDK's decorators. */
export type FunctionKind = 'function' | 'endpoint' | 'cls' | 'method' | 'local_entrypoint';

/** How Python binds an argument to a parameter (the names of `inspect.Parameter.kind`). */
export type ParameterKind =
  'positional_only' | 'positional_or_keyword' | 'var_positional' | 'keyword_only' | 'var_keyword';

export interface Parameter {
  readonly name: string;
  /** Source text of the annotation. */
  readonly annotation: string | undefined;
  /** Source text of the default; undefined when the argument must be given. */
  readonly default: string | undefined;
  readonly kind: ParameterKind;
}

/** A Python literal as JSON: tuples become arrays, None becomes null. */
export type LiteralValue =
  | null
  | boolean
  | number
  | string
  | readonly LiteralValue[]
  | { readonly [key: string]: LiteralValue };

/** Character offsets (UTF-16 units) into the document's text. */
export interface FunctionOffsets {
  /** Start of the first decorator. */
  readonly start: number;
  /** Start of `def`, `async` or `class`. */
  readonly definition: number;
  /** Start of the name after `def` or `class`. */
  readonly name: number;
  /** End of the header, that is the colon before the body. */
  readonly header: number;
  /** End of the last statement of the body. */
  readonly end: number;
}

/** A function, class or method that can be run. Lines and columns count from 1. */
export interface DiscoveredFunction {
  readonly name: string;
  /** `name`, or `Class.name` for a method: what follows `::` in a target. */
  readonly qualname: string;
  readonly kind: FunctionKind;
  /** The app's name, when the source says it literally. */
  readonly app: string | undefined;
  /** Line of `def`, `async def` or `class`. */
  readonly line: number;
  /** Column of `def`, `async def` or `class`. */
  readonly column: number;
  /** Line of the first decorator. */
  readonly decoratorLine: number;
  /** Line on which the body ends. */
  readonly endLine: number;
  readonly offsets: FunctionOffsets;
  /** Without `self` for methods; those of `__init__` for a class. */
  readonly parameters: readonly Parameter[];
  readonly returns: string | undefined;
  readonly isAsync: boolean;
  readonly isGenerator: boolean;
  /** Literal options of the decorator. */
  readonly options: Readonly<Record<string, LiteralValue>>;
  /** Options whose value is not a literal: known only once the module runs. `**` for a splat. */
  readonly dynamicOptions: readonly string[];
  /** GPU for people to read: `L4`, `A100:2`, `H100 | A100`; a method has its class's. */
  readonly gpu: string | undefined;
}

/** An import somewhere in a module, functions and conditionals included. */
export interface ModuleImport {
  /** Dotted name; empty for `from . import x`. */
  readonly module: string;
  /** Count of leading dots; 0 is absolute. */
  readonly level: number;
  /** Names after `import` of a `from` statement; `['*']` for a star. Empty for `import module`. */
  readonly names: readonly string[];
  readonly line: number;
  readonly column: number;
  /** Offsets of the module's name, or of the whole statement where it has none. */
  readonly from: number;
  readonly to: number;
  /** True where the module copes with its absence: guarded by try/except, or for type checkers only. */
  readonly optional: boolean;
  /** True inside a function: imported when that runs, not when the module loads. */
  readonly lazy: boolean;
}

/** One entry of `velar discover --json`. */
export interface ContractFunction {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly app: string | null;
  readonly name: string;
  readonly qualname: string;
  readonly kind: FunctionKind;
  readonly parameters: readonly {
    name: string;
    annotation: string | null;
    default: string | null;
    kind: ParameterKind;
  }[];
  readonly options: Readonly<Record<string, LiteralValue>>;
  readonly dynamicOptions: readonly string[];
}

/** The shape that `velar discover --json` prints. `file` is relative to the scanned path, with `/`. */
export function toContract(file: string, found: DiscoveredFunction): ContractFunction {
  return {
    file,
    line: found.line,
    column: found.column,
    app: found.app ?? null,
    name: found.name,
    qualname: found.qualname,
    kind: found.kind,
    parameters: found.parameters.map((parameter) => ({
      name: parameter.name,
      annotation: parameter.annotation ?? null,
      default: parameter.default ?? null,
      kind: parameter.kind,
    })),
    options: found.options,
    dynamicOptions: found.dynamicOptions,
  };
}
