/** Which form of a result to show, and what data of unknown shape really is. Pure. */
import type { ResultValue, Table } from '../../runtime/protocol/values';

export const TABLE_MIME = 'application/vnd.velar.table+json';

/** Forms that the page can show, the richest first. */
const order = [
  TABLE_MIME,
  'image/svg+xml',
  'image/png',
  'image/jpeg',
  'image/webp',
  'image/gif',
  'text/html',
  'application/json',
  'text/markdown',
  'text/plain',
];

const titles: Record<string, string> = {
  [TABLE_MIME]: 'Table',
  'image/svg+xml': 'Picture',
  'image/png': 'Picture',
  'image/jpeg': 'Picture',
  'image/webp': 'Picture',
  'image/gif': 'Picture',
  'text/html': 'HTML',
  'application/json': 'JSON',
  'text/markdown': 'Markdown',
  'text/plain': 'Text',
};

/** The bundle's forms that the page can show, best first; unknown text forms at the end. */
export function shownForms(mime: Record<string, unknown>): string[] {
  const known = order.filter((name) => name in mime);
  const others = Object.keys(mime).filter(
    (name) => !order.includes(name) && name.startsWith('text/') && typeof mime[name] === 'string',
  );
  return [...known, ...others];
}

export function formTitle(mime: string): string {
  return titles[mime] ?? mime;
}

/** The text that Copy takes of a form. */
export function formText(mime: string, data: unknown): string {
  if (typeof data === 'string') return data;
  if (mime === TABLE_MIME && isTable(data)) {
    const cell = (value: unknown): string =>
      typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);
    return [data.columns, ...data.rows].map((row) => row.map(cell).join('\t')).join('\n');
  }
  return JSON.stringify(data, null, 2);
}

/** The address of a picture's data: base64 for the binary kinds, text for SVG. */
export function imageSource(mime: string, data: string): string {
  return mime === 'image/svg+xml'
    ? `data:${mime};charset=utf-8,${encodeURIComponent(data)}`
    : `data:${mime};base64,${data.replaceAll(/\s/g, '')}`;
}

/** True for data of the table form. */
export function isTable(data: unknown): data is Table {
  if (typeof data !== 'object' || data === null) return false;
  const table = data as Partial<Record<keyof Table, unknown>>;
  return (
    isTextList(table.columns) &&
    isTextList(table.dtypes) &&
    Array.isArray(table.rows) &&
    table.rows.every((row) => Array.isArray(row)) &&
    typeof table.totalRows === 'number'
  );
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** A result in one line, for a list of yields. */
export function oneLine(result: ResultValue): string {
  if ('value' in result) {
    return typeof result.value === 'string' ? result.value : JSON.stringify(result.value);
  }
  const text = result.mime['text/plain'];
  return typeof text === 'string' ? text : Object.keys(result.mime).map(formTitle).join(', ');
}
