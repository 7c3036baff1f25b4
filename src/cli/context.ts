/** What every command of the command line works with. */
import { join } from 'node:path';
import { version } from '../../package.json';
import { velarHome } from '../client/home';
import type { Terminal } from './terminal';

export interface CliContext {
  terminal: Terminal;
  environment: NodeJS.ProcessEnv;
  cwd: string;
  /** VELAR_HOME. */
  home: string;
  /** Folder of the built files: runtime.js and the Python packages lie there. */
  dist: string;
  /** Aborted by the first Ctrl-C, unless a command takes interrupts itself. */
  interrupts: Interrupts;
}

export const CLIENT = { name: 'velar command line', version };

/** Ctrl-C and its like: one handler at a time. A second interrupt always ends the process at once. */
export class Interrupts {
  private handler: () => void;
  private readonly controller = new AbortController();
  private count = 0;
  private came!: () => void;
  /** Resolves with the first interrupt, whoever handles it. */
  readonly first = new Promise<void>((resolve) => {
    this.came = resolve;
  });

  constructor(private readonly terminal: Terminal) {
    this.handler = () => {
      this.controller.abort();
    };
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        this.interrupted();
      });
    }
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** What the first interrupt does, in place of aborting `signal`. */
  handle(handler: () => void): void {
    this.handler = handler;
  }

  private interrupted(): void {
    this.count += 1;
    if (this.count === 1) {
      this.came();
      this.handler();
      return;
    }
    void this.terminal.err('\nEnded without waiting.\n');
    process.exit(130);
  }
}

export function makeContext(terminal: Terminal): CliContext {
  return {
    terminal,
    environment: process.env,
    cwd: process.cwd(),
    home: velarHome(),
    dist: __dirname,
    interrupts: new Interrupts(terminal),
  };
}

export function runtimeScript(context: CliContext): string {
  return join(context.dist, 'runtime.js');
}

export function entrypointScript(context: CliContext): string {
  return join(context.dist, 'entrypoint.js');
}

/** Folder of the `velar` and `velar_worker` packages. */
export function pythonPackages(context: CliContext): string {
  return join(context.dist, 'python');
}
