/** What a diagnostic says of a failed run. Plain text, bounded; pure. */
import { stripVTControlCharacters } from 'node:util';
import type { RunError } from '../../../runtime/protocol/values';

/** Lines of the build's log below the message. */
const MAX_LINES = 12;
const MAX_LINE = 300;

/** Message and hint, and of an image that could not be built the lines of the log that say why. */
export function failureText(error: RunError): string {
  const what = error.type === undefined ? error.message : `${error.type}: ${error.message}`;
  const lines = [what, ...(error.hint === undefined ? [] : [error.hint])];
  if (error.kind === 'image') lines.push(...logLines(error.text ?? ''));
  return lines.join('\n');
}

/** The last lines; where an earlier one names the error, those from there on. */
function logLines(text: string): string[] {
  const all = stripVTControlCharacters(text)
    .split(/\r\n|\r|\n/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
  if (all.length === 0) return [];
  const reason = all.findIndex((line) => /^\s*(ERROR|error|E|×)\b|^\s*×/.test(line));
  const last = Math.max(0, all.length - MAX_LINES);
  const from = reason === -1 ? last : Math.min(reason, last);
  const shown = all.slice(from, from + MAX_LINES).map(shortened);
  const left = all.length - from - shown.length;
  return ['', 'From the log:', ...shown, ...(left > 0 ? [`… ${left} more in the log`] : [])];
}

function shortened(line: string): string {
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE - 1)}…` : line;
}
