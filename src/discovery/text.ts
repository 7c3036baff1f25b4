/** Text edits, and the way from character offsets to lines. */

/** Replaces `[from, to)` of the text as it was before any change of the same edit. */
export interface TextChange {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
}

/** Changes in order of position; throws a RangeError when they overlap or lie outside the text. */
export function sortChanges(changes: readonly TextChange[], length: number): TextChange[] {
  const sorted = [...changes].sort((a, b) => a.from - b.from || a.to - b.to);
  let end = 0;
  for (const change of sorted) {
    if (change.from < end || change.to < change.from || change.to > length) {
      throw new RangeError(
        `A change of [${change.from}, ${change.to}) does not fit a text of ${length} characters: ` +
          'changes must lie inside the text and not overlap.',
      );
    }
    end = change.to;
  }
  return sorted;
}

/** The text after sorted changes. */
export function applyChanges(text: string, sorted: readonly TextChange[]): string {
  let result = '';
  let position = 0;
  for (const change of sorted) {
    result += text.slice(position, change.from) + change.insert;
    position = change.to;
  }
  return result + text.slice(position);
}

/**
 * Where an offset lies after sorted changes. Text inserted right at the offset comes before it
 * (`side` 1) or after it (`side` -1); an offset inside replaced text goes to that end of it.
 */
export function mapOffset(offset: number, sorted: readonly TextChange[], side: 1 | -1): number {
  let shift = 0;
  for (const change of sorted) {
    if (change.from > offset || (change.from === offset && side < 0)) break;
    if (change.to > offset || (change.to === offset && side < 0 && change.to > change.from)) {
      return change.from + shift + (side > 0 ? change.insert.length : 0);
    }
    shift += change.insert.length - (change.to - change.from);
  }
  return offset + shift;
}

/** The one change that turns `before` into `after`, or undefined when they are equal. */
export function differingRange(before: string, after: string): TextChange | undefined {
  if (before === after) return undefined;
  const shorter = Math.min(before.length, after.length);
  let prefix = 0;
  while (prefix < shorter && before.charCodeAt(prefix) === after.charCodeAt(prefix)) prefix++;
  let suffix = 0;
  while (
    suffix < shorter - prefix &&
    before.charCodeAt(before.length - 1 - suffix) === after.charCodeAt(after.length - 1 - suffix)
  ) {
    suffix++;
  }
  return {
    from: prefix,
    to: before.length - suffix,
    insert: after.slice(prefix, after.length - suffix),
  };
}

const lineFeed = 10;
const carriageReturn = 13;

/** Line starts of one text; `\n`, `\r\n` and a lone `\r` end a line, as in Python and in editors. */
export class LineIndex {
  private readonly starts: number[] = [0];

  constructor(text: string) {
    if (text.includes('\r')) {
      for (let index = 0; index < text.length; index++) {
        const code = text.charCodeAt(index);
        if (code === lineFeed) this.starts.push(index + 1);
        else if (code === carriageReturn && text.charCodeAt(index + 1) !== lineFeed) {
          this.starts.push(index + 1);
        }
      }
    } else {
      let index = text.indexOf('\n');
      while (index >= 0) {
        this.starts.push(index + 1);
        index = text.indexOf('\n', index + 1);
      }
    }
  }

  /** Line (from 1) that holds the offset. */
  lineAt(offset: number): number {
    let low = 0;
    let high = this.starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  /** Column (from 1, in UTF-16 units) of the offset. */
  columnAt(offset: number): number {
    return offset - (this.starts[this.lineAt(offset) - 1] ?? 0) + 1;
  }
}
