/** Local entrypoints in processes of their own, against a real runtime process. */
import * as assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ClientConnection, RunHandle } from '../../src/client/api';
import { WorkspaceBundler } from '../../src/client/bundle/workspaceBundler';
import { connect } from '../../src/client/connection';
import { startDetachedEntrypoint } from '../../src/client/detachedEntrypoint';
import { ensureEmbeddedRuntime, type EmbeddedRuntimeAddress } from '../../src/client/embedded';
import { findPython } from '../../src/client/python';
import { attachRun } from '../../src/client/runs';

const CLIENT = { name: 'test', version: '0' };

const APP = `import os, time
import velar

app = velar.App("alone")


@app.function()
def double(x):
    return x * 2


@app.local_entrypoint()
def hold(gate):
    parent = os.getppid()
    print("parent", parent, flush=True)
    # Without its parent it is of no use, and must not outlive the test.
    while not os.path.exists(gate) and os.getppid() == parent:
        time.sleep(0.02)
    print("doubled", list(double.map(range(5))))
`;

describe('a local entrypoint in a process of its own', function () {
  this.timeout(90_000);
  let folder: string;
  let address: EmbeddedRuntimeAddress;
  let connection: ClientConnection;

  before(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'velar-alone-')));
    for (const name of ['home', 'work']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'work', 'app.py'), APP);
    address = await ensureEmbeddedRuntime({
      home: join(folder, 'home'),
      python: undefined,
      runtimeScript: resolve('dist', 'runtime.js'),
      execPath: process.execPath,
    });
    connection = await connect(address, { client: CLIENT });
  });
  after(async () => {
    await connection.request('runtime.release', {});
    await connection.close();
    assert.ok(await address.exited(30_000));
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(over: ClientConnection, gate: string): Promise<RunHandle> {
    const { executable } = await findPython(undefined);
    const root = join(folder, 'work');
    return startDetachedEntrypoint(
      over,
      new WorkspaceBundler(),
      {
        script: resolve('dist', 'entrypoint.js'),
        execPath: process.execPath,
        address: { url: address.url, token: address.token },
        client: CLIENT,
        python: { executable, packages: resolve('dist', 'python') },
      },
      {
        root,
        file: 'app.py',
        qualname: 'hold',
        kind: 'local_entrypoint',
        arguments: { args: [{ json: gate }], kwargs: {} },
        cpu: false,
      },
    );
  }

  /** Resolves with what a line of the run's log says behind the word. */
  function said(handle: RunHandle, word: string): Promise<string> {
    return new Promise((found) => {
      handle.onLog((lines) => {
        const line = lines.find(({ text }) => text.startsWith(`${word} `));
        if (line !== undefined) found(line.text.slice(word.length + 1).trim());
      });
    });
  }

  it('is listed for clients of its device, with what it was started with, while it goes on', async () => {
    const gate = join(folder, 'listed');
    const leaving = await connect(address, { client: CLIENT });
    const handle = await start(leaving, gate);
    await Promise.all([handle.detached, said(handle, 'parent')]);
    await leaving.close();
    await assert.rejects(handle.ended, { code: 'cancelled' });

    const { runs } = await connection.request('run.active', {});
    const [one, ...others] = runs;
    assert.ok(one !== undefined && others.length === 0);
    const { startedAt, ...rest } = one;
    assert.ok(startedAt <= Date.now());
    assert.deepEqual(rest, {
      run: handle.run,
      origin: { root: join(folder, 'work') },
      file: 'app.py',
      qualname: 'hold',
      kind: 'local_entrypoint',
      arguments: { args: [{ json: gate }], kwargs: {} },
      cpu: false,
    });
    const attached = attachRun(connection, handle.run);
    const doubled = said(attached, 'doubled');
    writeFileSync(gate, '');
    assert.equal((await attached.ended).status, 'succeeded');
    assert.equal(await doubled, '[0, 2, 4, 6, 8]');
    assert.deepEqual(await connection.request('run.active', {}), { runs: [] });
  });

  it('whose process is ended from outside ends its run, and says so', async () => {
    const handle = await start(connection, join(folder, 'never'));
    const parent = Number(await said(handle, 'parent'));
    process.kill(parent, 'SIGKILL');
    const { status, error } = await handle.ended;
    assert.equal(status, 'failed');
    assert.match(error?.message ?? '', /ended from outside|connection to the local entrypoint/);
  });
});
