/** Runs the built command line as a person would, in a home and a workspace of its own. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const CLI = resolve('dist', 'cli.js');
/** A hung command fails its test with what it printed, instead of the whole suite. */
const ENDS_WITHIN_MS = 90_000;
/** A runtime stays for as long as its suite. */
const SERVES_FOR_MS = 600_000;

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface JsonLine {
  type: string;
  [key: string]: unknown;
}

export class Running {
  stdout = '';
  stderr = '';
  readonly ended: Promise<Ended>;
  readonly pid: number;
  private readonly watchers = new Set<() => void>();
  private readonly kill: (signal: NodeJS.Signals) => void;

  constructor(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv, input?: string) {
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd,
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdin.on('error', () => undefined).end(input);
    this.pid = child.pid ?? 0;
    this.kill = (signal) => child.kill(signal);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.changed();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.changed();
    });
    const limitMs = args[0] === 'serve' ? SERVES_FOR_MS : ENDS_WITHIN_MS;
    const late = setTimeout(() => child.kill('SIGKILL'), limitMs);
    this.ended = new Promise((done) => {
      child.once('close', (code) => {
        clearTimeout(late);
        done({ code, stdout: this.stdout, stderr: this.stderr });
        this.changed();
      });
    });
  }

  interrupt(): void {
    this.kill('SIGINT');
  }

  terminate(): void {
    this.kill('SIGTERM');
  }

  /** Resolves with the first match in what it has printed; rejects when it ends without. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    let over = false;
    void this.ended.then(() => {
      over = true;
    });
    for (;;) {
      const found = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (found !== null) return found;
      if (over)
        throw new Error(`It ended without ${String(pattern)}:\n${this.stdout}${this.stderr}`);
      await new Promise<void>((changed) => {
        this.watchers.add(changed);
      });
    }
  }

  private changed(): void {
    for (const watcher of this.watchers) watcher();
    this.watchers.clear();
  }
}

export class Workspace {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'velar-cli-')));
  readonly home = join(this.folder, 'home');
  readonly files = join(this.folder, 'work');

  constructor(files: Record<string, string>) {
    mkdirSync(this.files);
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  write(name: string, text: string): void {
    const path = join(this.files, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  /** `input` is what is piped in. */
  start(args: readonly string[], env: NodeJS.ProcessEnv = {}, input = ''): Running {
    const own = { VELAR_HOME: this.home, VELAR_RUNTIME: '', NO_COLOR: '1' };
    return new Running(args, this.files, { ...process.env, ...own, ...env }, input);
  }

  run(...args: string[]): Promise<Ended> {
    return this.start(args).ended;
  }

  /** Process ids of all runtimes that this home has had. */
  runtimePids(): number[] {
    return readFileSync(join(this.home, 'runtime.log'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { message: string; pid?: number })
      .flatMap(({ message, pid }) => (message === 'Started' && pid !== undefined ? [pid] : []));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function jsonLines(text: string): JsonLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonLine);
}

export function ofType(lines: readonly JsonLine[], type: string): JsonLine[] {
  return lines.filter((line) => line.type === type);
}

/** False for a process that has ended, also where its new parent has not taken note of that yet. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
  } catch {
    // It ended just now, or this system has no /proc.
    return !existsSync('/proc/self/stat');
  }
}
