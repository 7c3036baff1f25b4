/**
 * One changed 1 kB file in a 1,000-file workspace: from the change to the runtime having the new bundle.
 * Goal: one round trip, at most 20 ms. The floor is one request with an empty answer's work.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientConnection } from '../src/client/api';
import { BundleUploader } from '../src/client/bundleUpload';
import { startBenchRuntime } from './support/benchRuntime';
import { figure, median, timeEach, type Figure } from './support/statistics';

export const name = 'bundleChange';

const FILES = 1_000;
const CHANGES = 50;

export async function* run(): AsyncGenerator<Figure> {
  const runtime = await startBenchRuntime();
  try {
    const { bundler } = runtime;
    const files: Record<string, string> = { 'app.py': 'import velar\napp = velar.App("x")\n' };
    for (let index = 1; index < FILES; index += 1) {
      files[`package_${index % 20}/module_${index}.py`] = `VALUE = ${index}\n${filler(index)}`;
    }
    const root = await runtime.workspace(files);
    const counted = countingRequests(runtime.connection);
    const uploader = new BundleUploader(counted.connection);
    const { signal } = new AbortController();
    const send = async (): Promise<void> => {
      await uploader.send(root, await bundler.build(root, 'app.py', new Map(), signal), signal);
    };
    await send();
    const before = counted.requests();
    const changed = join(root, 'package_7', 'module_7.py');
    const samples: number[] = [];
    for (let index = 0; index < CHANGES; index += 1) {
      await writeFile(changed, `VALUE = ${index}\n${filler(index)}`);
      bundler.changed([changed]);
      samples.push(...(await timeEach(1, send)));
    }
    const floor = await timeEach(CHANGES, async () => {
      await runtime.connection.request('container.list', {});
    });
    yield figure('bundle of one changed file in 1,000', median(samples), 'ms', median(floor));
    const trips = (counted.requests() - before) / CHANGES;
    yield figure('round trips for one changed file', trips, 'requests', 1);
  } finally {
    await runtime.dispose();
  }
}

function filler(seed: number): string {
  return `# ${String(seed).padStart(8, '0')}\n`.repeat(90);
}

function countingRequests(connection: ClientConnection): {
  connection: ClientConnection;
  requests(): number;
} {
  let requests = 0;
  const counting = new Proxy(connection, {
    get(target, key) {
      if (key === 'request') requests += 1;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { connection: counting, requests: () => requests };
}
