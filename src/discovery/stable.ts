/**
 * Keeps functions where they are while the text is broken: half-typed code can hide a function from
 * the parser, or make one out of a string, for the time that it takes to type on.
 */
import type { FoundFunction } from './analyze';
import { mapOffset } from './text';
import type { TextChange } from './text';

interface Range {
  readonly from: number;
  readonly to: number;
}

/** The functions of one document over its edits. */
export class StableFunctions {
  private good: readonly FoundFunction[];
  private shown: readonly FoundFunction[];
  /** Errors that the text had when `good` was taken: syntax that the grammar doesn't know stays. */
  private goodErrors: number;
  /** What was edited since `good` was taken. */
  private edited: Range | undefined;
  /** Edits that `good` and `shown` have not been moved along with yet: often they need not be. */
  private waiting: (readonly TextChange[])[] = [];

  constructor(functions: readonly FoundFunction[], errors: number) {
    this.good = functions;
    this.shown = functions;
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
    this.waiting.push(sorted);
  }

  /** The functions to show, given what the parser makes of the text now. */
  update(functions: readonly FoundFunction[], errors: number): readonly FoundFunction[] {
    if (errors <= this.goodErrors) {
      this.good = functions;
      this.goodErrors = errors;
      this.edited = undefined;
      this.waiting = [];
      this.shown = functions;
    } else {
      this.catchUp();
      this.shown = merge(this.good, functions, this.edited);
    }
    return this.shown;
  }

  /** The functions to show while the parser has not got through the text. */
  last(): readonly FoundFunction[] {
    this.catchUp();
    return this.shown;
  }

  private catchUp(): void {
    for (const sorted of this.waiting) {
      const same = this.shown === this.good;
      this.good = this.good.flatMap((found) => moved(found, sorted) ?? []);
      this.shown = same ? this.good : this.shown.flatMap((found) => moved(found, sorted) ?? []);
    }
    this.waiting = [];
  }
}

/** Undefined when nothing is left of the decorators: the function was taken out. */
function moved(found: FoundFunction, sorted: readonly TextChange[]): FoundFunction | undefined {
  const { offsets } = found;
  const start = mapOffset(offsets.start, sorted, 1);
  if (mapOffset(offsets.definition, sorted, -1) <= start) return undefined;
  return {
    details: found.details,
    headerErrors: found.headerErrors,
    offsets: {
      start,
      definition: mapOffset(offsets.definition, sorted, 1),
      name: mapOffset(offsets.name, sorted, 1),
      header: mapOffset(offsets.header, sorted, -1),
      end: mapOffset(offsets.end, sorted, -1),
    },
  };
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
