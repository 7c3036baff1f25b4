/** What most click-through tests start with: a folder with files and a runtime's home of their own, VS Code on it. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Workbench, WorkbenchOptions } from '../../../scripts/vscode/workbench.mjs';
import { startWorkbench } from './workbench';

export const THEMES = [
  { theme: 'Default Dark Modern', shade: 'dark' },
  { theme: 'Default Light Modern', shade: 'light' },
] as const;

/** Where the files are, and VELAR_HOME. */
export interface Places {
  readonly folder: string;
  readonly home: string;
  /** What the command line prints there; rejects where it fails. */
  readonly velar: (...args: string[]) => Promise<string>;
}

export interface Desk extends Places {
  readonly workbench: Workbench;
  /** Ends VS Code and removes both folders. */
  dispose(): Promise<void>;
}

export interface DeskOptions extends Pick<
  WorkbenchOptions,
  'colorTheme' | 'settings' | 'viewport' | 'env'
> {
  /** What else is to be there before VS Code starts. */
  readonly prepare?: (places: Places) => Promise<void>;
}

/**
 * @param files texts by path
 * @throws when VS Code can't be had on this machine or does not boot, saying why
 */
export async function openDesk(
  files: Readonly<Record<string, string>>,
  { prepare, ...options }: DeskOptions = {},
): Promise<Desk> {
  const scratch = await mkdtemp(join(tmpdir(), 'velar-desk-'));
  const remove = (): Promise<void> => rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  const [folder, home] = [join(scratch, 'folder'), join(scratch, 'home')];
  const velar = async (...args: string[]): Promise<string> => {
    const env = { ...process.env, VELAR_HOME: home };
    const command = [resolve('dist', 'cli.js'), ...args];
    const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: folder, env });
    return stdout;
  };
  const places = { folder, home, velar };
  try {
    await mkdir(folder);
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    await prepare?.(places);
    const workbench = await startWorkbench({
      viewport: { width: 1440, height: 900 },
      ...options,
      folder,
      extensionDevelopmentPath: resolve('.'),
      env: { ...options.env, VELAR_HOME: home },
    });
    const dispose = async (): Promise<void> => {
      await workbench.dispose();
      await remove();
    };
    return { ...places, workbench, dispose };
  } catch (error) {
    await remove();
    throw error;
  }
}
