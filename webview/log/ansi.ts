/**
 * One printed line as a terminal would leave it: colours, and progress bars that overwrite themselves.
 * Pure. What is not understood (cursor addressing over lines, titles, links) is dropped, never shown raw.
 */

/** A palette index 0-255, or an `rgb(…)` colour. */
export type Colour = number | string;

export interface TextStyle {
  fg: Colour | null;
  bg: Colour | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
  strike: boolean;
}

export interface Span {
  text: string;
  /** Null for plain text. */
  style: TextStyle | null;
}

interface Cell {
  text: string;
  style: TextStyle | null;
}

const plainStyle: TextStyle = {
  fg: null,
  bg: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  strike: false,
};

// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
// An escape sequence: CSI with parameters, OSC up to its end, or any other two-character one.
const escape =
  // eslint-disable-next-line no-control-regex -- an escape sequence begins with one
  /\u001b(?:\[([0-9;:?<=>]*)[ -/]*([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~]?)/y;

/** Splits a line into styled spans. `raw` has no newline; it may hold `\r`, backspaces and escapes. */
export function terminalLine(raw: string): Span[] {
  if (!controls.test(raw)) return raw === '' ? [] : [{ text: raw, style: null }];
  const cells: Cell[] = [];
  let column = 0;
  let style: TextStyle | null = null;
  let index = 0;
  while (index < raw.length) {
    const code = raw.charCodeAt(index);
    if (code === 0x1b) {
      escape.lastIndex = index;
      const match = escape.exec(raw);
      index += Math.max(1, match?.[0].length ?? 1);
      const [, parameters = '', final] = match ?? [];
      if (final === 'm') style = applySgr(style, parameters);
      else if (final !== undefined) column = moveCursor(cells, column, parameters, final);
    } else if (code === 0x0d) {
      column = 0;
      index += 1;
    } else if (code === 0x08) {
      column = Math.max(0, column - 1);
      index += 1;
    } else {
      const character = String.fromCodePoint(raw.codePointAt(index) ?? code);
      index += character.length;
      if (controls.test(character)) continue;
      while (cells.length < column) cells.push({ text: ' ', style: null });
      cells[column] = { text: character, style };
      column += 1;
    }
  }
  return joinCells(cells);
}

/** The line's text without styles, as a person would copy it. */
export function plainText(raw: string): string {
  if (!controls.test(raw)) return raw;
  return terminalLine(raw)
    .map((span) => span.text)
    .join('');
}

/** Erases and horizontal moves; returns the new column. Other sequences leave the line alone. */
function moveCursor(cells: Cell[], column: number, parameters: string, final: string): number {
  const number = Math.min(Number.parseInt(parameters, 10) || 0, 10_000);
  switch (final) {
    case 'K':
      if (number === 0) cells.length = Math.min(cells.length, column);
      else if (number === 2) cells.length = 0;
      else cells.fill({ text: ' ', style: null }, 0, column);
      return column;
    case 'C':
      return column + Math.max(1, number);
    case 'D':
      return Math.max(0, column - Math.max(1, number));
    case 'G':
      return Math.max(1, number) - 1;
    default:
      return column;
  }
}

function joinCells(cells: Cell[]): Span[] {
  const spans: Span[] = [];
  for (const cell of cells) {
    const last = spans.at(-1);
    if (last !== undefined && last.style === cell.style) last.text += cell.text;
    else spans.push({ text: cell.text, style: cell.style });
  }
  return spans;
}

/** Select Graphic Rendition: numbers after `ESC[`, before `m`. */
function applySgr(style: TextStyle | null, parameters: string): TextStyle | null {
  const codes = parameters.split(/[;:]/).map((part) => (part === '' ? 0 : Number(part)));
  let next: TextStyle = style ?? plainStyle;
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 38 || code === 48) {
      const extended = extendedColour(codes, index + 1);
      index += extended.used;
      if (extended.colour === null) continue;
      next = code === 38 ? { ...next, fg: extended.colour } : { ...next, bg: extended.colour };
    } else {
      next = applyCode(next, code);
    }
  }
  return isPlain(next) ? null : next;
}

function applyCode(style: TextStyle, code: number): TextStyle {
  if (code >= 30 && code <= 37) return { ...style, fg: code - 30 };
  if (code >= 40 && code <= 47) return { ...style, bg: code - 40 };
  if (code >= 90 && code <= 97) return { ...style, fg: code - 90 + 8 };
  if (code >= 100 && code <= 107) return { ...style, bg: code - 100 + 8 };
  switch (code) {
    case 0:
      return plainStyle;
    case 1:
      return { ...style, bold: true };
    case 2:
      return { ...style, dim: true };
    case 3:
      return { ...style, italic: true };
    case 4:
      return { ...style, underline: true };
    case 7:
      return { ...style, inverse: true };
    case 9:
      return { ...style, strike: true };
    case 22:
      return { ...style, bold: false, dim: false };
    case 23:
      return { ...style, italic: false };
    case 24:
      return { ...style, underline: false };
    case 27:
      return { ...style, inverse: false };
    case 29:
      return { ...style, strike: false };
    case 39:
      return { ...style, fg: null };
    case 49:
      return { ...style, bg: null };
    default:
      return style;
  }
}

/** `5;n` or `2;r;g;b` behind 38 or 48; `used` says how many numbers it took. */
function extendedColour(codes: number[], at: number): { colour: Colour | null; used: number } {
  const byte = (offset: number): number =>
    Math.min(255, Math.max(0, Math.trunc(codes[at + offset] ?? 0) || 0));
  if (codes[at] === 5) return { colour: byte(1), used: 2 };
  if (codes[at] === 2) return { colour: `rgb(${byte(1)}, ${byte(2)}, ${byte(3)})`, used: 4 };
  return { colour: null, used: 1 };
}

function isPlain(style: TextStyle): boolean {
  return (Object.keys(plainStyle) as (keyof TextStyle)[]).every(
    (key) => style[key] === plainStyle[key],
  );
}

/** The colour of palette entries 16-255: a 6 × 6 × 6 cube and 24 greys. */
export function paletteColour(index: number): string {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey}, ${grey}, ${grey})`;
  }
  const level = (value: number): number => (value === 0 ? 0 : 55 + value * 40);
  const cube = index - 16;
  return `rgb(${level(Math.floor(cube / 36))}, ${level(Math.floor(cube / 6) % 6)}, ${level(cube % 6)})`;
}
