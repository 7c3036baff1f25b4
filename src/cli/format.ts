/** Results, errors and tables as text for a terminal. Pure. */
import { formatBytes } from '../../runtime/protocol/figures';
import type { ResultValue, RunError } from '../../runtime/protocol/values';
import { tableSchema, type Table } from '../../runtime/protocol/values';
import { formatTable } from '../client/textTable';

/** What a run gave back, as text for a terminal. */
export function formatResult(result: ResultValue): string {
  if ('value' in result) return JSON.stringify(result.value, null, 2);
  const { mime } = result;
  const table = tableSchema.safeParse(mime['application/vnd.velar.table+json']);
  if (table.success) return formatResultTable(table.data);
  if ('application/json' in mime) return JSON.stringify(mime['application/json'], null, 2);
  const image = Object.entries(mime).find(([type]) => type.startsWith('image/'));
  const text = mime['text/plain'];
  const lines = typeof text === 'string' ? [text] : [];
  if (image !== undefined) lines.push(`(${image[0]}, ${imageSize(image)}; --output FILE saves it)`);
  else if (lines.length === 0) lines.push(`(${Object.keys(mime).join(', ')})`);
  return lines.join('\n');
}

function imageSize([type, data]: [string, unknown]): string {
  if (typeof data !== 'string') return 'no data';
  return formatBytes(type === 'image/svg+xml' ? data.length : Math.floor((data.length * 3) / 4));
}

const SHOWN_ROWS = 30;

function formatResultTable(table: Table): string {
  const rows = table.rows
    .slice(0, SHOWN_ROWS)
    .map((row) => row.map((cell) => (typeof cell === 'string' ? cell : JSON.stringify(cell))));
  const rest = table.totalRows - rows.length;
  const text = formatTable(table.columns, rows);
  return rest > 0 ? `${text}\n… ${String(rest)} more rows` : text;
}

/** The bytes of a result for a file: an image's own bytes, else text. */
export function resultBytes(result: ResultValue): Uint8Array {
  if ('value' in result) return Buffer.from(`${JSON.stringify(result.value, null, 2)}\n`);
  const image = Object.entries(result.mime).find(([type]) => type.startsWith('image/'));
  if (image !== undefined && typeof image[1] === 'string') {
    return Buffer.from(image[1], image[0] === 'image/svg+xml' ? 'utf8' : 'base64');
  }
  return Buffer.from(`${formatResult(result)}\n`);
}

/** An error as Python shows one, with workspace-relative files, and the next step. */
export function formatRunError(error: RunError): string {
  const frames = error.traceback.flatMap((frame) => [
    `  File "${frame.file}", line ${String(frame.line)}, in ${frame.function}`,
    ...(frame.text === undefined || frame.text === '' ? [] : [`    ${frame.text.trim()}`]),
  ]);
  const title = error.type === undefined ? error.message : `${error.type}: ${error.message}`;
  return [
    ...(frames.length === 0 ? [] : ['Traceback (most recent call last):', ...frames]),
    title,
    ...(error.hint === undefined ? [] : [`→ ${error.hint}`]),
  ].join('\n');
}
