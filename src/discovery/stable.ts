/**
 * Keeps functions where they are while the text is broken: half-typed code can hide a function from
 * the parser, or make one out of a string, for the time that it takes to type on.
 */
import type { FoundFunction } from './analyze';
import type { FunctionOffsets } from './model';
import { mapOffset } from './text';
import type { TextChange } from './text';

interface Range {
  readonly from: number;
  readonly to: number;
}

/** The functions of one document over its edits. */
export class StableFunctions {
  private good: readonly FoundFunction[];
  /** Errors that the text had when `good` was taken: syntax that the grammar doesn't know stays. */
  private goodErrors: number;
  /** What was edited since `good` was taken. */
  private edited: Range | undefined;

  constructor(functions: readonly FoundFunction[], errors: number) {
    this.good = functions;
    this.goodErrors = errors;
  }

  /** Moves what is known along with an edit. */
  move(sorted: readonly TextChange[]): void {
    const first = sorted[0];
    const last = sorted.at(-1);
    if (first === undefined || last === undefined) return;
    const before = this.edited ?? { from: first.from, to: last.to };
    this.edited = {
      from: mapOffset(Math.min(before.from, first.from), sorted, -1),
      to: mapOffset(Math.max(before.to, last.to), sorted, 1),
    };
    this.good = this.good.flatMap((found) => moved(found, sorted) ?? []);
  }

  /** The functions to show, given what the parser makes of the text now. */
  update(functions: readonly FoundFunction[], errors: number): readonly FoundFunction[] {
    if (errors <= this.goodErrors) {
      this.good = functions;
      this.goodErrors = errors;
      this.edited = undefined;
      return functions;
    }
    return merge(this.good, functions, this.edited);
  }

  /** The functions to show when the parser has nothing to say. */
  last(): readonly FoundFunction[] {
    return this.good;
  }
}

/** Undefined when nothing is left of the decorators: the function was taken out. */
function moved(found: FoundFunction, sorted: readonly TextChange[]): FoundFunction | undefined {
  const { offsets } = found;
  const start = mapOffset(offsets.start, sorted, 1);
  if (mapOffset(offsets.definition, sorted, -1) <= start) return undefined;
  const mapped: FunctionOffsets = {
    start,
    definition: mapOffset(offsets.definition, sorted, 1),
    name: mapOffset(offsets.name, sorted, 1),
    header: mapOffset(offsets.header, sorted, -1),
    end: mapOffset(offsets.end, sorted, -1),
  };
  return { ...found, offsets: mapped };
}

function merge(
  good: readonly FoundFunction[],
  fresh: readonly FoundFunction[],
  edited: Range | undefined,
): readonly FoundFunction[] {
  const unused = new Map(fresh.map((found) => [found.offsets.definition, found]));
  const kept = good.map((known) => {
    const match = unused.get(known.offsets.definition);
    if (match === undefined) return known;
    unused.delete(known.offsets.definition);
    return match.headerErrors === 0 ? match : { ...known, offsets: match.offsets };
  });
  const added = [...unused.values()].filter(
    (found) =>
      edited !== undefined &&
      found.headerErrors === 0 &&
      found.offsets.start < edited.to &&
      found.offsets.header > edited.from,
  );
  return [...kept, ...added].sort((a, b) => a.offsets.start - b.offsets.start);
}
