/** Loading and activating the extension in a real VS Code. Goal: at most 50 ms. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { runTests } from '@vscode/test-electron';
import { build } from 'esbuild';
import { figure, median, type Figure } from './support/statistics';

export const name = 'activation';

/** The benches are compiled into .build/bench, two folders below the root. */
const ROOT = resolve(__dirname, '..', '..');
const TIMES = 3;

interface Measured {
  wasActive: boolean;
  activationMs: number;
  ms: number;
}

export async function* run(): AsyncGenerator<Figure> {
  const whole: number[] = [];
  const own: number[] = [];
  for (let time = 0; time < TIMES; time += 1) {
    const { wasActive, activationMs, ms } = await activateOnce();
    if (wasActive) throw new Error('The extension was active before it was asked for.');
    whole.push(ms);
    own.push(activationMs);
  }
  const floor = await requireNothing();
  yield figure('load and activate the extension', median(whole), 'ms', floor);
  yield figure('activate()', median(own), 'ms', null);
}

async function activateOnce(): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'velar-bench-activation-'));
  const out = join(folder, 'measured.json');
  const probe = join(folder, 'probe', 'index.js');
  try {
    await build({
      entryPoints: [join(ROOT, 'bench', 'support', 'activationProbe.ts')],
      outfile: probe,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      external: ['vscode'],
      logLevel: 'error',
    });
    await runTests({
      vscodeExecutablePath: join(ROOT, 'test', 'support', 'vscode', 'codeExecutable.mjs'),
      extensionDevelopmentPath: ROOT,
      extensionTestsPath: probe,
      extensionTestsEnv: { ...process.env, VELAR_HOME: join(folder, 'home'), VELAR_BENCH_OUT: out },
      launchArgs: [folder, '--disable-extensions', '--skip-welcome', '--disable-workspace-trust'],
    });
    return JSON.parse(await readFile(out, 'utf8')) as Measured;
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What Node needs to start and load nothing: the scale on which a few ms are to be read. */
async function requireNothing(): Promise<number> {
  const began = performance.now();
  await promisify(execFile)(process.execPath, ['-e', '0']);
  return performance.now() - began;
}
