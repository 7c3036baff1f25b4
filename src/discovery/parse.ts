/** A Python document that is parsed again, in part, at each edit. */
import { TreeFragment } from '@lezer/common';
import type { PartialParse, Tree } from '@lezer/common';
import { parser } from '@lezer/python';
import { analyze } from './analyze';
import type { Analysis, FoundFunction } from './analyze';
import type { Facts } from './facts';
import { noFacts } from './facts';
import { FactsFolder } from './fold';
import { editForGrammar, forGrammar } from './grammar';
import type { ChangedRange } from './grammar';
import { importsOf } from './imports';
import type { DiscoveredFunction, ModuleImport } from './model';
import { skim } from './skim';
import { StableFunctions } from './stable';
import { applyChanges, differingRange, LineIndex, sortChanges } from './text';
import type { TextChange } from './text';
import { noModules } from './values';
import type { ModuleExports, ModuleResolver, ResolveContext } from './values';

export interface DocumentOptions {
  /** The file, as the resolver knows it; empty for text that has none yet. */
  readonly file?: string;
  /** Finds modules of the workspace, for apps that are imported from a sibling. */
  readonly resolve?: ModuleResolver;
  /** How long `functions` may parse after an edit, in ms; 4 where it is left out. */
  readonly editBudgetMs?: number;
}

const defaultEditBudgetMs = 4;

/** Steps of the parser, of some microseconds each, between two looks at the clock. */
const stepsPerLook = 64;

/**
 * Text and what discovery knows about it. Reading is lazy: the first question after an edit parses.
 * Broken text never throws; while it is broken, functions that were there before stay.
 */
export class PythonDocument {
  private readonly context: ResolveContext;
  private readonly folder = new FactsFolder();
  private readonly editBudgetMs: number;
  private current: string;
  /** `current` as the grammar reads it; the same string where nothing needs rewriting. */
  private grammarText: string;
  private fragments: readonly TreeFragment[] = [];
  private stable: StableFunctions | undefined;
  private facts: Facts | undefined;
  private parsing: PartialParse | undefined;
  private behind = false;
  private analysis: Analysis | undefined;
  private lines: LineIndex | undefined;
  private listed: readonly DiscoveredFunction[] | undefined;

  constructor(text: string, options: DocumentOptions = {}) {
    this.current = text;
    this.grammarText = forGrammar(text);
    this.context = contextOf(options);
    this.editBudgetMs = options.editBudgetMs ?? defaultEditBudgetMs;
  }

  get text(): string {
    return this.current;
  }

  /**
   * Applies changes of one edit. All positions refer to the text before the edit, in any order
   * (as in an editor's change event). Throws a RangeError when they overlap or don't fit the text.
   */
  edit(changes: readonly TextChange[]): void {
    const sorted = sortChanges(changes, this.current.length);
    if (sorted.length === 0) return;
    if (this.stable === undefined) this.functions();
    const ranges = changedRanges(sorted, this.current);
    const before = this.current;
    this.current = applyChanges(before, sorted);
    this.fragments = TreeFragment.applyChanges(this.fragments, ranges);
    this.grammarText = editForGrammar(this.grammarText, before, this.current, ranges);
    this.stable?.move(sorted);
    this.facts = undefined;
    this.parsing = undefined;
    this.lines = undefined;
    this.refresh();
  }

  /** Replaces the text; what is the same before and after is not parsed again. */
  setText(text: string): void {
    const change = differingRange(this.current, text);
    if (change !== undefined) this.edit([change]);
  }

  /** Forgets what was read from other modules: call it when one of them has changed. */
  refresh(): void {
    this.analysis = undefined;
    this.listed = undefined;
  }

  /**
   * The functions, methods and classes that can be run, in source order. Takes a few milliseconds at
   * most after an edit: where that is too little to parse what the edit has broken, the functions
   * known so far are given, moved along with the text, and `isBehind` is true.
   */
  functions(): readonly DiscoveredFunction[] {
    if (this.listed === undefined || this.behind) this.listed = this.list();
    return this.listed;
  }

  /** True when `functions` gave what was known before the last edit: call `catchUp`, or it again. */
  get isBehind(): boolean {
    return this.behind;
  }

  /** Parses on for about `budgetMs`; true when nothing is left to do and `functions` is up to date. */
  catchUp(budgetMs = Infinity): boolean {
    if (this.facts === undefined) this.advance(performance.now() + budgetMs);
    if (this.facts === undefined) return false;
    if (this.behind) this.listed = undefined;
    this.behind = false;
    return true;
  }

  /** Every import of the module. */
  imports(): ModuleImport[] {
    return importsOf(this.readFacts(), this.lineIndex());
  }

  /** What other modules can import from this one. */
  exports(): ModuleExports {
    return this.analyze().exports;
  }

  /** Count of places that the parser could not make sense of. */
  get errors(): number {
    return this.readFacts().errors;
  }

  private list(): readonly DiscoveredFunction[] {
    const { stable } = this;
    this.behind = !this.catchUp(stable === undefined ? Infinity : this.editBudgetMs);
    const found = this.behind && stable !== undefined ? stable.last() : this.listCurrent();
    const lines = this.lineIndex();
    return found.map((each) => withLines(each, lines));
  }

  private listCurrent(): readonly FoundFunction[] {
    const { functions } = this.analyze();
    this.stable ??= new StableFunctions(functions, this.errors);
    return this.stable.update(functions, this.errors);
  }

  private analyze(): Analysis {
    this.analysis ??= analyze(this.readFacts(), this.context);
    return this.analysis;
  }

  private lineIndex(): LineIndex {
    this.lines ??= new LineIndex(this.current);
    return this.lines;
  }

  private readFacts(): Facts {
    return this.facts ?? this.advance(Infinity) ?? noFacts;
  }

  /** Parses until the deadline (by `performance.now()`); gives the facts once it is through. */
  private advance(deadline: number): Facts | undefined {
    this.parsing ??= parser.startParse(this.grammarText, this.fragments);
    let tree: Tree | null = null;
    for (let step = 1; tree === null; step++) {
      tree = this.parsing.advance();
      if (tree === null && step % stepsPerLook === 0 && performance.now() > deadline) {
        return undefined;
      }
    }
    this.parsing = undefined;
    this.fragments = TreeFragment.addTree(tree, this.fragments);
    this.facts = tree.length === 0 ? noFacts : this.folder.fold(tree, this.current);
    return this.facts;
  }
}

/**
 * The functions of a text that is looked at once: what `functions` of a new document gives, for a part of
 * the work.
 */
export function readFunctions(
  text: string,
  options: DocumentOptions,
): readonly DiscoveredFunction[] {
  const skimmed = skim(text);
  if (skimmed === undefined) return new PythonDocument(text, options).functions();
  const { originalOffset } = skimmed;
  const facts = new FactsFolder().fold(parser.parse(forGrammar(skimmed.text)), skimmed.text);
  const { functions, asked } = analyze(facts, contextOf(options));
  for (const name of asked) {
    if (skimmed.dropped.has(name)) return new PythonDocument(text, options).functions();
  }
  const lines = new LineIndex(text);
  return functions.map(({ details, offsets, headerErrors }) => {
    const moved = {
      start: originalOffset(offsets.start),
      definition: originalOffset(offsets.definition),
      name: originalOffset(offsets.name),
      header: originalOffset(offsets.header),
      end: originalOffset(offsets.end),
    };
    return withLines({ details, offsets: moved, headerErrors }, lines);
  });
}

function contextOf({ file = '', resolve = noModules }: DocumentOptions): ResolveContext {
  return { file, resolve };
}

/** Whole lines: what the grammar gets to see of a line can depend on all of it. */
function changedRanges(sorted: readonly TextChange[], before: string): ChangedRange[] {
  const ranges: ChangedRange[] = [];
  let shift = 0;
  for (const change of sorted) {
    const from = change.from === 0 ? 0 : before.lastIndexOf('\n', change.from - 1) + 1;
    const lineEnd = before.indexOf('\n', change.to);
    const nextEnd = lineEnd < 0 ? -1 : before.indexOf('\n', lineEnd + 1);
    const to = nextEnd < 0 ? before.length : nextEnd + 1;
    const fromB = from + shift;
    shift += change.insert.length - (change.to - change.from);
    const previous = ranges.at(-1);
    if (previous !== undefined && from <= previous.toA) {
      previous.toA = to;
      previous.toB = to + shift;
    } else ranges.push({ fromA: from, toA: to, fromB, toB: to + shift });
  }
  return ranges;
}

function withLines({ details, offsets }: FoundFunction, lines: LineIndex): DiscoveredFunction {
  return {
    name: details.name,
    qualname: details.qualname,
    kind: details.kind,
    app: details.app,
    line: lines.lineAt(offsets.definition),
    column: lines.columnAt(offsets.definition),
    decoratorLine: lines.lineAt(offsets.start),
    endLine: lines.lineAt(offsets.end),
    offsets,
    parameters: details.parameters,
    returns: details.returns,
    isAsync: details.isAsync,
    isGenerator: details.isGenerator,
    options: details.options,
    dynamicOptions: details.dynamicOptions,
    gpu: details.gpu,
  };
}
