/** The debugpy that the runtime brings: fetched once for each version of Python, unpacked, kept in the home. */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { capture, installerEnvironment } from '../engines/children';
import { minorOf, type PythonInterpreter } from '../images/python';
import type { RunError } from '../protocol/values';
import { exists } from '../store/exists';
import { debugpyNeed, downloadArguments, notBrought, type DebugpyNeed } from './debugpyWheel';

export interface DebugpyPackagesOptions {
  /** Folder of this machine that holds them, and where containers see it. */
  place: { folder: string; inside: string };
  /** This machine's Python, whose pip fetches them. */
  python: () => Promise<PythonInterpreter>;
  environment: Readonly<Record<string, string | undefined>>;
}

export class DebugpyPackages {
  private readonly disposed = new AbortController();
  private readonly known = new Map<string, Promise<{ error: RunError } | undefined>>();

  constructor(private readonly options: DebugpyPackagesOptions) {}

  /**
   * What a container with this Python needs: the folder, as it sees it, or null where its own debugpy will do. What
   * fails is tried again the next time. Rejects with `python-missing`, or Node's errors where the home can't be used.
   */
  async bring(
    python: string,
    own: string | null,
  ): Promise<{ packages: string | null } | { error: RunError }> {
    const need = debugpyNeed(python, own);
    if (need === null) return { packages: null };
    if ('error' in need) return need;
    const failed = await this.ensure(need);
    const { inside } = this.options.place;
    return failed ?? { packages: `${inside}/${need.python}` };
  }

  /** Ends what is being fetched. Resolves when no process is left. */
  async dispose(): Promise<void> {
    this.disposed.abort();
    await Promise.allSettled(this.known.values());
  }

  private ensure(need: DebugpyNeed): Promise<{ error: RunError } | undefined> {
    const known = this.known.get(need.python);
    if (known !== undefined) return known;
    const asked = this.fetch(need);
    this.known.set(need.python, asked);
    const forget = (): void => {
      this.known.delete(need.python);
    };
    asked.then((failed) => {
      if (failed !== undefined) forget();
    }, forget);
    return asked;
  }

  private async fetch(need: DebugpyNeed): Promise<{ error: RunError } | undefined> {
    const { folder } = this.options.place;
    const target = join(folder, need.python);
    if (await exists(target)) return undefined;
    const { executable, version } = await this.options.python();
    const env = installerEnvironment(this.options.environment);
    const wheels = `${target}.wheel`;
    const part = `${target}.part`;
    for (const left of [wheels, part]) await rm(left, { recursive: true, force: true });
    await mkdir(wheels, { recursive: true });
    const run = (args: readonly string[]) =>
      capture({ command: executable, args, env }, this.disposed.signal);
    try {
      let said = '';
      for (const pure of [false, true]) {
        const { exit, stderr, stdout } = await run(downloadArguments(need, wheels, pure));
        if (exit.code === 0) break;
        said = stderr + stdout;
      }
      const [wheel] = (await readdir(wheels)).filter((name) => name.endsWith('.whl'));
      if (wheel === undefined) return { error: notBrought(need, said) };
      const unpacked = await run(['-I', '-m', 'zipfile', '-e', join(wheels, wheel), part]);
      if (unpacked.exit.code !== 0) return { error: notBrought(need, unpacked.stderr) };
      // Containers can't keep what they compile; another Python than theirs can't compile it for them.
      if (minorOf(version) === need.python) {
        await run(['-I', '-m', 'compileall', '-q', '--invalidation-mode', 'unchecked-hash', part]);
      }
      await rename(part, target);
      return undefined;
    } finally {
      for (const left of [wheels, part]) await rm(left, { recursive: true, force: true });
    }
  }
}
