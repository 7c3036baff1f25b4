/** Where the command line writes, and what it may write there. */
import { createInterface } from 'node:readline/promises';
import { addAbortSignal, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { WriteStream } from 'node:tty';
import { VelarError } from '../../runtime/protocol/errors';

export interface Terminal {
  /** Results and what the function prints to stdout. Resolves when the reader has room again. */
  out(text: string | Uint8Array): void | Promise<void>;
  /** Phases, advice and what the function prints to stderr. */
  err(text: string | Uint8Array): void | Promise<void>;
  /**
   * Asks a person, on stderr; the answer without blanks around it. Throws `invalid` with `otherwise` as the
   * next step where there is no terminal to ask on, `cancelled`.
   */
  ask(question: string, otherwise: string, signal: AbortSignal): Promise<string>;
  /**
   * A value that nobody is to see: typed without an echo, or all of what is piped in, without its last line break.
   * Throws `cancelled`.
   */
  secret(question: string, signal: AbortSignal): Promise<string>;
  /** stdin is no terminal: what `secret` reads comes from a pipe or file. */
  readonly piped: boolean;
  /** A question waits for its answer: nothing may be drawn over it. */
  readonly asking: boolean;
  /** stderr is a terminal: lines may be redrawn. */
  readonly live: boolean;
  readonly paint: Paint;
  /** Width of stderr in columns. */
  readonly columns: number;
}

/** Colours, or nothing. */
export interface Paint {
  dim: (text: string) => string;
  bold: (text: string) => string;
  red: (text: string) => string;
  green: (text: string) => string;
  yellow: (text: string) => string;
}

const PLAIN: Paint = {
  dim: same,
  bold: same,
  red: same,
  green: same,
  yellow: same,
};
const COLOURED: Paint = {
  dim: (text) => `\x1b[2m${text}\x1b[22m`,
  bold: (text) => `\x1b[1m${text}\x1b[22m`,
  red: (text) => `\x1b[31m${text}\x1b[39m`,
  green: (text) => `\x1b[32m${text}\x1b[39m`,
  yellow: (text) => `\x1b[33m${text}\x1b[39m`,
};

function same(text: string): string {
  return text;
}

/** The process's own terminal. NO_COLOR and TERM=dumb are heeded. */
export function processTerminal(environment: NodeJS.ProcessEnv = process.env): Terminal {
  const { stdout, stderr } = process;
  const live = stderr.isTTY && environment['TERM'] !== 'dumb';
  let questions = 0;
  const asked = async <T>(question: Promise<T>): Promise<T> => {
    questions += 1;
    try {
      return await question;
    } finally {
      questions -= 1;
    }
  };
  const coloured = live && (environment['NO_COLOR'] ?? '') === '';
  return {
    out: (text) => write(stdout, text),
    err: (text) => write(stderr, text),
    ask: (question, otherwise, signal) => asked(askPerson(question, otherwise, signal)),
    secret: (question, signal) =>
      process.stdin.isTTY ? asked(askUnseen(question, signal)) : readPiped(signal),
    get piped() {
      return !process.stdin.isTTY;
    },
    get asking() {
      return questions > 0;
    },
    live,
    paint: coloured ? COLOURED : PLAIN,
    get columns() {
      return stderr.columns || 80;
    },
  };
}

async function askPerson(
  question: string,
  otherwise: string,
  signal: AbortSignal,
): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new VelarError('invalid', 'There is no terminal to ask on.', { hint: otherwise });
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // While it reads, Ctrl-C comes as a key; it is to mean the same as ever.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    // A line that is being redrawn makes way.
    return (await lines.question(`\r\x1b[2K${question}`, { signal })).trim();
  } catch (error) {
    throw VelarError.from(error, 'cancelled');
  } finally {
    lines.close();
  }
}

/** A line typed without an echo: readline writes what it would show to nowhere. */
async function askUnseen(question: string, signal: AbortSignal): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  process.stderr.write(`\r\x1b[2K${question}`);
  try {
    return await lines.question('', { signal });
  } catch (error) {
    throw VelarError.from(error, 'cancelled');
  } finally {
    process.stderr.write('\n');
    lines.close();
  }
}

async function readPiped(signal: AbortSignal): Promise<string> {
  try {
    return (await text(addAbortSignal(signal, process.stdin))).replace(/\r?\n$/, '');
  } catch (error) {
    throw VelarError.from(error, 'cancelled');
  }
}

function write(stream: WriteStream, text: string | Uint8Array): void | Promise<void> {
  if (stream.write(text)) return;
  return new Promise((resolve) => {
    stream.once('drain', () => {
      resolve();
    });
  });
}

/** A reader that went away (`velar logs … | head`) ends us quietly, as it does other tools. */
export function exitOnClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}
