/** Batches of a local entrypoint against a real runtime process, while workers die and connections break. */
import * as assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { RunRecord } from '../../runtime/protocol/runRecord';
import type { ClientConnection, RunHandle } from '../../src/client/api';
import { connect } from '../../src/client/connection';
import { ensureEmbeddedRuntime } from '../../src/client/embedded';
import { TcpProxy } from '../support/tcpProxy';
import { startEntrypoint } from './entrypoint';

const INPUTS = 200;

/** `begun` takes a line for each attempt: the input, its runner's process and its worker's. */
const appOf = (begun: string): string => `import json, os, time
import velar

app = velar.App("batches")


@app.function(max_containers=3)
def square(x):
    with open(${JSON.stringify(begun)}, "a") as file:
        file.write("%d %d %d\\n" % (x, os.getpid(), os.getppid()))
    time.sleep(0.03)
    return x * x


@app.local_entrypoint()
def main(ordered):
    inputs = (x for x in range(${String(INPUTS)}))
    print(json.dumps(list(square.map(inputs, order_outputs=ordered))))
`;

/** The same numbers each time, in [0, 1): a failure can be seen again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

/** Resolves once so many calls of the run have ended. */
function doneCalls(handle: RunHandle, count: number): Promise<void> {
  return new Promise((fits) => {
    const check = (record: RunRecord): void => {
      if ((record.calls?.done ?? 0) < count && record.status === 'active') return;
      undo();
      fits();
    };
    const undo = handle.onEvents((_events, record) => {
      check(record);
    });
    check(handle.record);
  });
}

describe('a batch of a local entrypoint', function () {
  this.timeout(90_000);
  let folder: string;
  let begun: string;
  let proxy: TcpProxy;
  let connection: ClientConnection;

  before(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'velar-batches-')));
    begun = join(folder, 'begun');
    for (const name of ['home', 'work']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'work', 'app.py'), appOf(begun));
    const address = await ensureEmbeddedRuntime({
      home: join(folder, 'home'),
      python: undefined,
      runtimeScript: resolve('dist', 'runtime.js'),
      execPath: process.execPath,
    });
    proxy = await TcpProxy.start(Number(new URL(address.url).port));
    connection = await connect(
      { url: `ws://127.0.0.1:${String(proxy.port)}`, token: address.token },
      { client: { name: 'test', version: '0' } },
    );
    after(async () => {
      await connection.request('runtime.release', {});
      await connection.close();
      await proxy.stop();
      assert.ok(await address.exited(30_000));
      rmSync(folder, { recursive: true, force: true });
    });
  });

  beforeEach(() => {
    writeFileSync(begun, '');
  });

  /** Input, runner and worker of each attempt so far. */
  const attempts = (): number[][] =>
    readFileSync(begun, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' ').map(Number));

  for (const ordered of [true, false]) {
    it(`gives every input's result once, ${ordered ? 'in order' : 'as completed'}, though workers are killed and the connection is cut`, async () => {
      const handle = await startEntrypoint(connection, join(folder, 'work'), 'main', [ordered]);
      const connections = proxy.accepted;
      let printed = '';
      handle.onOutput(({ bytes }) => {
        printed += Buffer.from(bytes).toString('utf8');
      });
      const random = randomFrom(ordered ? 20261124 : 41);
      const kill = (process_: 'runner' | 'worker'): void => {
        const latest = attempts().slice(-3);
        const [, runner = 0, worker = 0] = latest[Math.floor(random() * latest.length)] ?? [];
        try {
          process.kill(process_ === 'runner' ? runner : worker, 'SIGKILL');
        } catch {
          // It ended with a worker that was killed a moment ago.
        }
      };
      const faults = [
        () => kill('worker'),
        () => proxy.cut(),
        () => kill('runner'),
        () => (kill('worker'), proxy.cut()),
        () => (kill('worker'), kill('runner')),
        () => proxy.cut(),
        () => kill('worker'),
      ];
      let seen = 0;
      for (const fault of faults) {
        seen += 5 + Math.floor(random() * 35);
        await doneCalls(handle, Math.min(seen, INPUTS - 1));
        fault();
      }
      const record = await handle.ended;
      assert.equal(record.status, 'succeeded', JSON.stringify(record.error) + printed);
      const results = JSON.parse(printed) as number[];
      if (!ordered) results.sort((a, b) => a - b);
      assert.deepEqual(
        results,
        Array.from({ length: INPUTS }, (_, x) => x * x),
      );
      assert.deepEqual(
        record.calls && [record.calls.done, record.calls.failed, record.calls.total],
        [INPUTS, 0, INPUTS],
      );
      assert.ok(attempts().length > INPUTS, 'workers died with calls on them');
      assert.ok(proxy.accepted >= connections + 2, 'connections were cut');
    });
  }
});
