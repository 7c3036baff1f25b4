/**
 * Leaves out of a text what can't matter to a single look at its functions: functions without a
 * decorator, bodies and all. A few comparisons a character, where parsing takes many; a text that it is
 * not sure to read as Python does is left whole.
 */

/** A text in which functions without a decorator are gone. */
export interface Skimmed {
  readonly text: string;
  /** Names of the functions that are gone. Whoever asks for one of them needs the whole text. */
  readonly dropped: ReadonlySet<string>;
  /** Offset in the whole text of an offset in `text`. */
  readonly originalOffset: (offset: number) => number;
}

const tab = 9;
const lineFeed = 10;
const formFeed = 12;
const carriageReturn = 13;
const space = 32;
const quotationMark = 34;
const hash = 35;
const apostrophe = 39;
const openRound = 40;
const closeRound = 41;
const atSign = 64;
const openSquare = 91;
const backslash = 92;
const closeSquare = 93;
const openBrace = 123;
const closeBrace = 125;

const tabWidth = 8;

/** How a function's statement starts. */
const definition = /(?:async[ \t]+)?def[ \t]+([\p{ID_Start}_]\p{ID_Continue}*)[ \t]*[([]/uy;
/** Tells the parameters of its class. */
const constructorName = '__init__';

/** Undefined where the text is broken, or nothing of it can go. */
export function skim(text: string): Skimmed | undefined {
  const cuts = new Cuts(text);
  const dropped = new Set<string>();
  let position = 0;
  let decorated = false;
  /** The function that is being left out: where it starts, and how deep it stands. */
  let open: { from: number; indent: number } | undefined;
  let previousEnd = 0;
  while (position < text.length) {
    const { at, indent } = statementStart(text, position);
    if (at === text.length) break;
    const end = statementEnd(text, at);
    if (end === undefined) return undefined;
    if (open !== undefined && indent <= open.indent) {
      cuts.add(open.from, previousEnd);
      open = undefined;
    }
    if (open === undefined) {
      const isDecorator = text.charCodeAt(at) === atSign;
      const name = isDecorator || decorated ? undefined : plainFunction(text, at, end);
      decorated = isDecorator;
      if (name !== undefined) {
        open = { from: at, indent };
        dropped.add(name);
      }
    }
    previousEnd = end;
    position = end;
  }
  if (open !== undefined) cuts.add(open.from, previousEnd);
  return dropped.size === 0 ? undefined : { ...cuts.finish(), dropped };
}

/** The name of the function that a statement starts, where it can go. */
function plainFunction(text: string, from: number, to: number): string | undefined {
  definition.lastIndex = from;
  const name = definition.exec(text)?.[1];
  if (name === undefined || name === constructorName) return undefined;
  // A header may bind names around it: `def f(x=(app := …))`.
  return text.slice(from, to).includes(':=') ? undefined : name;
}

/** The first statement from the start of a line on, and its column; the text's end without one. */
function statementStart(text: string, lineStart: number): { at: number; indent: number } {
  let indent = 0;
  let at = lineStart;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === space) indent++;
    else if (code === tab) indent += tabWidth - (indent % tabWidth);
    else if (code === hash) at = lineEnd(text, at) - 1;
    else if (code === lineFeed || code === carriageReturn || code === formFeed) indent = 0;
    else break;
  }
  return { at, indent };
}

/** Where the line break is that ends the statement; undefined where it does not end well. */
function statementEnd(text: string, from: number): number | undefined {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case lineFeed:
      case carriageReturn:
        if (depth === 0) return at;
        break;
      case hash:
        at = lineEnd(text, at) - 1;
        break;
      case backslash:
        at += isLineBreakPair(text, at + 1) ? 2 : 1;
        break;
      case quotationMark:
      case apostrophe: {
        const end = stringEnd(text, at);
        if (end === undefined) return undefined;
        at = end - 1;
        break;
      }
      case openRound:
      case openSquare:
      case openBrace:
        depth++;
        break;
      case closeRound:
      case closeSquare:
      case closeBrace:
        if (--depth < 0) return undefined;
        break;
    }
  }
  return depth === 0 ? text.length : undefined;
}

/** Behind the quotes that end the string; undefined where it is unfinished. */
function stringEnd(text: string, from: number): number | undefined {
  const quote = text.charAt(from);
  const triple = quote.repeat(3);
  const isTriple = text.startsWith(triple, from);
  for (let at = from + (isTriple ? 3 : 1); at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === backslash) at += isLineBreakPair(text, at + 1) ? 2 : 1;
    else if (isTriple) {
      if (text.startsWith(triple, at)) return at + 3;
    } else if (text.charAt(at) === quote) return at + 1;
    else if (code === lineFeed || code === carriageReturn) return undefined;
  }
  return undefined;
}

function lineEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === lineFeed || code === carriageReturn) break;
    at++;
  }
  return at;
}

function isLineBreakPair(text: string, at: number): boolean {
  return text.charCodeAt(at) === carriageReturn && text.charCodeAt(at + 1) === lineFeed;
}

/** Pieces of a text, put together without what was cut out. */
class Cuts {
  private readonly pieces: string[] = [];
  /** Where each piece starts in the result, and in the whole text. */
  private readonly starts: [number, number][] = [[0, 0]];
  private length = 0;
  private position = 0;

  constructor(private readonly whole: string) {}

  /** Leaves a function's first letter: a name on its own, where a block needs a statement. */
  add(from: number, to: number): void {
    this.take(from + 1);
    this.position = to;
    this.starts.push([this.length, to]);
  }

  finish(): Pick<Skimmed, 'text' | 'originalOffset'> {
    this.take(this.whole.length);
    return { text: this.pieces.join(''), originalOffset: (offset) => this.original(offset) };
  }

  private take(to: number): void {
    this.pieces.push(this.whole.slice(this.position, to));
    this.length += to - this.position;
  }

  private original(offset: number): number {
    const start = this.starts.findLast(([from]) => from <= offset) ?? [0, 0];
    return start[1] + offset - start[0];
  }
}
