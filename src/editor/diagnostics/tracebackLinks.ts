/** Frames of Python tracebacks in text. Pure. */

export interface FrameMention {
  /** Offsets of `File "…", line N` in the text. */
  readonly start: number;
  readonly length: number;
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** Every frame that a traceback in the text names, as CPython prints them. */
export function findFrames(text: string): FrameMention[] {
  return [...text.matchAll(/File "([^"\n]+)", line (\d+)/g)].map((match) => ({
    start: match.index,
    length: match[0].length,
    file: match[1] ?? '',
    line: Number(match[2]),
  }));
}
