/** What the hint behind a `def` says of the function's newest run. Pure: a record and lines in, texts out. */
import { formatMs, formatUsd } from '../../../runtime/protocol/figures';
import type { LogLine } from '../../../runtime/protocol/logChunks';
import type { RunRecord } from '../../../runtime/protocol/runRecord';
import type { ResultValue } from '../../../runtime/protocol/values';

export interface InlineText {
  readonly text: string;
  readonly tone: 'plain' | 'error';
}

/** Characters of one part of the hint, and of a line of its hover. */
const PART = 60;
const HOVER_LINE = 200;
const HOVER_RESULT = 2000;
/** Printed lines that the hover shows. */
export const HOVER_LINES = 12;

/** Undefined while there is nothing to say that the lens does not. `lines`: the newest printed ones. */
export function inlineText(record: RunRecord, lines: readonly string[]): InlineText | undefined {
  const last = lines.findLast((line) => line.trim() !== '');
  const printed = last === undefined ? [] : [`printed: ${shortened(last, PART)}`];
  const took = record.ms === null ? [] : [formatMs(record.ms)];
  switch (record.status) {
    case 'active':
      return last === undefined ? undefined : { text: `… ${printed.join('')}`, tone: 'plain' };
    case 'succeeded': {
      const value = record.result === null ? 'done' : `→ ${resultText(record.result, PART)}`;
      return { text: [value, ...took, ...printed].join('  ·  '), tone: 'plain' };
    }
    case 'failed': {
      const { error } = record;
      const title = [error?.type, error?.message].filter((part) => part !== undefined).join(': ');
      const what = `✗ ${shortened(title === '' ? 'failed' : title, PART)}`;
      return { text: [what, ...took, ...printed].join('  ·  '), tone: 'error' };
    }
    case 'cancelled':
      return undefined;
  }
}

export interface HoverText {
  readonly title: string;
  /** The result, or the error, with more room. */
  readonly outcome: string | undefined;
  readonly lines: readonly string[];
}

/** The same in more words, for the hover and for screen readers. */
export function hoverText(record: RunRecord, lines: readonly string[]): HoverText {
  const took = record.ms === null ? '' : ` in ${formatMs(record.ms)}`;
  const cost = record.cost === null ? '' : `, ${formatUsd(record.cost.usd)}`;
  const { error, result } = record;
  const outcome =
    error !== null
      ? [error.type, error.message].filter((part) => part !== undefined).join(': ')
      : result === null
        ? undefined
        : resultText(result, HOVER_RESULT);
  return {
    title: `${record.qualname} ${STATUS[record.status]}${took}${cost}`,
    outcome: outcome === undefined ? undefined : cut(outcome, HOVER_RESULT),
    lines: lines.slice(-HOVER_LINES).map((line) => cut(line, HOVER_LINE)),
  };
}

const STATUS: Readonly<Record<RunRecord['status'], string>> = {
  active: 'is running',
  succeeded: 'returned',
  failed: 'failed',
  cancelled: 'was cancelled',
};

/** What the app's own code printed: the output of an image's build lies in the same log, before it. */
export function linesOfCode(record: RunRecord, log: readonly LogLine[]): readonly LogLine[] {
  const image = record.phases.find(({ phase }) => phase === 'image');
  if (image === undefined || image.startedAt === null) return log;
  if (image.status !== 'done' || image.ms === null) return [];
  const builtAt = image.startedAt + image.ms;
  return log.filter(({ at }) => at > builtAt);
}

/** Whole lines of printed output, without colours; pieces of a line are put together. */
export function printedLines(log: readonly LogLine[]): string[] {
  const lines: string[] = [];
  const open = new Map<LogLine['stream'], number>();
  for (const { stream, text, partial } of log) {
    const at = open.get(stream);
    // What a progress bar wrote last in its line is what can be seen of it.
    const shown = withoutColours(text).replace(/\r$/, '').split('\r').at(-1) ?? '';
    if (at === undefined) lines.push(shown);
    else lines[at] = `${lines[at] ?? ''}${shown}`;
    if (!partial) open.delete(stream);
    else if (at === undefined) open.set(stream, lines.length - 1);
  }
  return lines;
}

function resultText(result: ResultValue, room: number): string {
  if ('value' in result) {
    if (result.value === null) return 'None';
    return shortened(JSON.stringify(result.value), room);
  }
  const text = result.mime['text/plain'];
  return shortened(typeof text === 'string' ? text : Object.keys(result.mime).join(', '), room);
}

/** One line, at most this long. */
function shortened(text: string, room: number): string {
  return cut(text.replaceAll(/\s+/g, ' ').trim(), room);
}

function cut(text: string, room: number): string {
  const letters = text.length > room ? [...text.slice(0, 2 * room)] : [];
  return letters.length > room ? `${letters.slice(0, room - 1).join('')}…` : text;
}

function withoutColours(text: string): string {
  // eslint-disable-next-line no-control-regex -- terminals' own control sequences
  return text.replaceAll(/\u001b(\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(\u0007|\u001b\\)?)/g, '');
}
