/** The runtime's one logger: a JSON object a line in VELAR_HOME/runtime.log, rotated by size. */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { VelarError } from '../protocol/errors';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogFields = Record<string, string | number | boolean | null | undefined>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Takes everything, keeps nothing: for parts that are used without a home. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

const ROTATE_BYTES = 5 * 1024 * 1024;
const KEPT_FILES = 2;
const SECRET_FIELD = /token|secret|password|authorization|code|key/i;

export class FileLogger implements Logger {
  private fd: number;
  private size: number;

  /** Opens or makes the file, mode 0600. Throws Node's error when it can't be written. */
  constructor(
    private readonly file: string,
    private readonly level: LogLevel = 'info',
    private readonly rotateBytes = ROTATE_BYTES,
  ) {
    this.fd = openSync(file, 'a', 0o600);
    this.size = fstatSync(this.fd).size;
  }

  debug(message: string, fields?: LogFields): void {
    this.write('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.write('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.write('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.write('error', message, fields);
  }

  close(): void {
    closeSync(this.fd);
    this.fd = -1;
  }

  private write(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (this.fd === -1 || logLevels.indexOf(level) < logLevels.indexOf(this.level)) return;
    const shown = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name,
        SECRET_FIELD.test(name) ? '(not logged)' : value,
      ]),
    );
    const at = new Date().toISOString();
    const line = Buffer.from(`${JSON.stringify({ at, level, message, ...shown })}\n`);
    try {
      if (this.size + line.byteLength > this.rotateBytes) this.rotate();
      writeSync(this.fd, line);
      this.size += line.byteLength;
    } catch (error) {
      // A full disk must not take the runtime down; stderr is what remains to say it.
      process.stderr.write(`velar: can't write ${this.file}: ${VelarError.from(error).message}\n`);
    }
  }

  private rotate(): void {
    closeSync(this.fd);
    for (let index = KEPT_FILES; index > 0; index -= 1) {
      const older = `${this.file}.${String(index)}`;
      const newer = index === 1 ? this.file : `${this.file}.${String(index - 1)}`;
      try {
        renameSync(newer, older);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    this.fd = openSync(this.file, 'a', 0o600);
    this.size = 0;
  }
}
