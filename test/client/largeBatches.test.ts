/** Batches of large inputs and results: what lies in the runtime stays bounded, whoever is slow. */
import * as assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ClientConnection } from '../../src/client/api';
import { connect } from '../../src/client/connection';
import { ensureEmbeddedRuntime, type EmbeddedRuntimeAddress } from '../../src/client/embedded';
import { startEntrypoint } from './entrypoint';

const MB = 1_000_000;
const EACH_MB = 2.5;
const INPUTS = 200;
/** Of 500 MB that go through: what clients read ahead, calls under way and results that nobody took, copies included. */
const BOUND_MB = 260;
/** Looks this often, in ms. */
const LOOK_EVERY_MS = 200;

/** A runtime that notes the most bytes that its buffers held, garbage apart. */
const runtimeOf = (most: string): string => `const { writeFileSync } = require('node:fs');
require('node:v8').setFlagsFromString('--expose-gc');
const gc = require('node:vm').runInNewContext('gc');
let most = 0;
setInterval(() => {
  gc();
  most = Math.max(most, process.memoryUsage().arrayBuffers);
  writeFileSync(${JSON.stringify(most)}, String(most));
}, ${String(LOOK_EVERY_MS)}).unref();
require(${JSON.stringify(resolve('dist', 'runtime.js'))});
`;

/** Calls whose results would not fit are not begun while the caller takes none: those under way end, the others wait. */
const BEGUN_AT_MOST = 110;

/** `begun` takes a letter for each call that makes a large result. */
const appOf = (begun: string): string => `import os, time
import velar

app = velar.App("large")
EACH = ${String(EACH_MB * MB)}


@app.function(max_containers=1)
def size(data):
    time.sleep(0.01)
    return len(data)


@app.function(max_containers=1)
def made(x):
    with open(${JSON.stringify(begun)}, "a") as file:
        file.write("x")
    return bytes([x % 256]) * EACH


@app.local_entrypoint()
def warm():
    size.remote(b""), made.remote(1)


def count():
    return os.path.getsize(${JSON.stringify(begun)})


@app.local_entrypoint()
def inputs():
    results = list(size.map(bytes(EACH) for _ in range(${String(INPUTS)})))
    print("got", len(results), set(results) == {EACH})


@app.local_entrypoint()
def results():
    seen = []
    for data in made.map(range(${String(INPUTS)})):
        if not seen:
            # Takes no more until nothing more comes of that.
            before, until = 0, time.monotonic() + 2
            while time.monotonic() < until:
                if count() > before:
                    before, until = count(), time.monotonic() + 2
                time.sleep(0.05)
            print("begun", before - 1)
        seen.append(data[0] if len(data) == EACH else None)
    print("got", len(seen), seen == list(range(${String(INPUTS)})))
`;

describe('a batch of large values', function () {
  this.timeout(120_000);
  let folder: string;
  let address: EmbeddedRuntimeAddress;
  let connection: ClientConnection;

  // A runtime for each: its most is that of its whole life.
  beforeEach(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'velar-large-')));
    for (const name of ['home', 'work']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'work', 'app.py'), appOf(join(folder, 'begun')));
    writeFileSync(join(folder, 'runtime.js'), runtimeOf(join(folder, 'most')));
    address = await ensureEmbeddedRuntime({
      home: join(folder, 'home'),
      python: undefined,
      runtimeScript: join(folder, 'runtime.js'),
      execPath: process.execPath,
    });
    connection = await connect(address, { client: { name: 'test', version: '0' } });
  });
  afterEach(async () => {
    await connection.request('runtime.release', {});
    await connection.close();
    assert.ok(await address.exited(30_000));
    rmSync(folder, { recursive: true, force: true });
  });

  function mostMb(): number {
    return Number(readFileSync(join(folder, 'most'), 'utf8')) / MB;
  }

  async function printed(qualname: string): Promise<string> {
    const handle = await startEntrypoint(connection, join(folder, 'work'), qualname);
    let text = '';
    handle.onOutput(({ bytes }) => {
      text += Buffer.from(bytes).toString('utf8');
    });
    const record = await handle.ended;
    assert.equal(record.status, 'succeeded', JSON.stringify(record.error));
    return text;
  }

  for (const [what, slow] of [
    ['inputs', 'function'],
    ['results', 'caller'],
  ] as const) {
    it(`keeps few ${what} in the runtime while the ${slow} is slow, and gives each result once`, async () => {
      await printed('warm');
      const before = mostMb();
      const said = await printed(what);
      assert.match(said, new RegExp(`got ${String(INPUTS)} True`));
      const begun = Number(/begun (\d+)/.exec(said)?.[1] ?? 0);
      assert.ok(begun <= BEGUN_AT_MOST, `${String(begun)} calls had begun`);
      const grown = mostMb() - before;
      // One large value at least was there when somebody looked.
      assert.ok(grown > EACH_MB && grown < BOUND_MB, `${grown.toFixed(0)} MB more than before`);
    });
  }
});
