/**
 * New code in a warm container that has torch imported: from the click on a changed file to its result. The floor is
 * a fresh `python file.py` that imports torch, in the same environment. Goal: at most a tenth of it.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startRun } from '../src/client/runs';
import { startBenchRuntime, type BenchRuntime } from './support/benchRuntime';
import { figure, median, timeEach, type Figure } from './support/statistics';

export const name = 'warmCode';

const CHANGES = 10;
/** What a worker forked ahead for new code goes by this name. */
const SPARE = 'velar-spare';
const SPARE_WITHIN_MS = 120_000;

const APP = `
import sys
import torch
import velar

app = velar.App("bench")

@app.function(image=velar.Image.debian_slim().pip_install("torch"))
def total() -> list:
    return [float(torch.ones(VERSION).sum()), sys.executable]
`;
const PLAIN = 'import torch\nprint(float(torch.ones(3).sum()))\n';

export async function* run(): AsyncGenerator<Figure> {
  const runtime = await startBenchRuntime();
  try {
    const root = await runtime.workspace({ 'app.py': appOf(1), 'plain.py': PLAIN });
    const first = await outcome(runtime, root);
    if ('reason' in first) {
      console.error(`warmCode: skipped, because torch can't be had here: ${first.reason}`);
      return;
    }
    await spareOf(runtime);
    let version = 1;
    const samples: number[] = [];
    const change = async (): Promise<void> => {
      const changed = join(root, 'app.py');
      await writeFile(changed, appOf(version));
      runtime.bundler.changed([changed]);
      const ended = await outcome(runtime, root);
      if ('reason' in ended || ended.total !== version) throw new Error(JSON.stringify(ended));
    };
    for (version = 2; version <= CHANGES + 1; version += 1) {
      samples.push(...(await timeEach(1, change)));
      await spareOf(runtime);
    }
    const floor = await timeEach(CHANGES, async () => {
      await promisify(execFile)(first.python, [join(root, 'plain.py')]);
    });
    yield figure('new code in a warm container with torch', median(samples), 'ms', median(floor));
  } finally {
    await runtime.dispose();
  }
}

function appOf(version: number): string {
  return APP.replace('VERSION', String(version));
}

async function outcome(
  { connection, bundler }: BenchRuntime,
  root: string,
): Promise<{ total: number; python: string } | { reason: string }> {
  const target = { file: 'app.py', qualname: 'total', kind: 'function' } as const;
  const none = { args: [], kwargs: {} };
  const record = await startRun(connection, bundler, {
    root,
    ...target,
    arguments: none,
    cpu: false,
  }).ended;
  const { result, error } = record;
  if (result === null || !('value' in result) || !Array.isArray(result.value)) {
    return { reason: error?.message ?? 'no result' };
  }
  const [total, python] = result.value;
  if (typeof total !== 'number' || typeof python !== 'string') return { reason: 'another result' };
  return { total, python };
}

/** Waits until the container is ready for new code. Throws when it never is. */
async function spareOf({ connection }: BenchRuntime): Promise<void> {
  const until = Date.now() + SPARE_WITHIN_MS;
  while (Date.now() < until) {
    const { containers } = await connection.request('container.list', {});
    for (const { pid } of containers) {
      if (pid !== null && (await hasSpare(pid))) return;
    }
    await delay(100);
  }
  throw new Error('The container has forked nothing ahead.');
}

async function hasSpare(pid: number): Promise<boolean> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  for (const child of children.split(' ').filter((each) => each !== '')) {
    const called = await readFile(`/proc/${child}/comm`, 'utf8').catch(() => '');
    if (called.trim() === SPARE) return true;
  }
  return false;
}
