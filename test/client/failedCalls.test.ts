/** What is kept of a local entrypoint's failure: its own frames, and those of the call that it failed by. */
import * as assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { PostMortem } from '../../runtime/protocol/postMortem';
import type { RunRecord } from '../../runtime/protocol/runRecord';
import type { ClientConnection } from '../../src/client/api';
import { connect } from '../../src/client/connection';
import { ensureEmbeddedRuntime } from '../../src/client/embedded';
import { startEntrypoint } from './entrypoint';

const APP = `import velar

app = velar.App("failing")


@app.function()
def divide(by):
    label = "by %s" % by
    return 1 / by


@app.function()
def outer(by):
    doubled = by * 2
    return divide.remote(doubled)


@app.local_entrypoint()
def one():
    rate = 0
    divide.remote(rate)


@app.local_entrypoint()
def two():
    outer.remote(0)


@app.local_entrypoint()
def many():
    failures = list(divide.map([0] * 40, return_exceptions=True))
    try:
        list(divide.map([1, 0.0]))
    except ZeroDivisionError as cause:
        raise RuntimeError("%d before" % len(failures)) from cause


@app.local_entrypoint()
def caught():
    try:
        divide.remote(0)
    except ZeroDivisionError:
        pass
    raise_here = [1, 2]
    raise KeyError("here")


@app.local_entrypoint()
def well():
    list(divide.map([0, 0], return_exceptions=True))
`;

describe('a failure of a local entrypoint', function () {
  this.timeout(60_000);
  let folder: string;
  let connection: ClientConnection;

  before(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'velar-failures-')));
    for (const name of ['home', 'work']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'work', 'app.py'), APP);
    const address = await ensureEmbeddedRuntime({
      home: join(folder, 'home'),
      python: undefined,
      runtimeScript: resolve('dist', 'runtime.js'),
      execPath: process.execPath,
    });
    connection = await connect(address, { client: { name: 'test', version: '0' } });
    after(async () => {
      await connection.request('runtime.release', {});
      await connection.close();
      assert.ok(await address.exited(30_000));
      rmSync(folder, { recursive: true, force: true });
    });
  });

  async function run(qualname: string): Promise<RunRecord> {
    const handle = await startEntrypoint(connection, join(folder, 'work'), qualname);
    return handle.ended;
  }

  async function framesOf(record: RunRecord): Promise<PostMortem> {
    assert.equal(record.status, 'failed');
    assert.equal(record.error?.inspectable, true);
    assert.equal(record.error.capture, undefined, 'a number that means nothing outside of the run');
    return connection.request('run.frames', { run: record.run });
  }

  /** What each error is, to what, and the function and variables of its first frame. */
  function told({ exceptions, values }: PostMortem): unknown[] {
    return exceptions.map(({ type, relation, message, frames: [first] }) => [
      relation,
      type,
      message,
      first?.function,
      Object.fromEntries((first?.locals ?? []).map(([name, at]) => [name, values[at]?.text])),
    ]);
  }

  const remote = (by: string): unknown => [
    'raised',
    'ZeroDivisionError',
    by === '0.0' ? 'float division by zero' : 'division by zero',
    'divide',
    { by, label: `by ${by}` },
  ];

  it('has the frames of the call it failed by, and below them its own', async () => {
    assert.deepEqual(told(await framesOf(await run('one'))), [
      remote('0'),
      [
        'caller',
        'velar.exception.RemoteZeroDivisionError',
        'division by zero',
        'one',
        { rate: '0' },
      ],
    ]);
  });

  it('has those of a call that a call made', async () => {
    assert.deepEqual(told(await framesOf(await run('two'))), [
      remote('0'),
      [
        'caller',
        'velar.exception.RemoteZeroDivisionError',
        'division by zero',
        'outer',
        { by: '0', doubled: '0' },
      ],
      ['caller', 'velar.exception.RemoteZeroDivisionError', 'division by zero', 'two', {}],
    ]);
  });

  it('has those of the input that mattered, after many that failed and were caught', async () => {
    const frames = told(await framesOf(await run('many')));
    assert.deepEqual(frames[0], remote('0.0'));
    assert.deepEqual(
      frames.map((each) => (each as unknown[]).slice(0, 3)),
      [
        ['raised', 'ZeroDivisionError', 'float division by zero'],
        ['caller', 'RuntimeError', '40 before'],
        ['cause', 'velar.exception.RemoteZeroDivisionError', 'float division by zero'],
      ],
    );
  });

  it('has none of a call whose failure it caught', async () => {
    assert.deepEqual(told(await framesOf(await run('caught'))), [
      ['raised', 'KeyError', "'here'", 'caught', { raise_here: '2 items' }],
    ]);
    const well = await run('well');
    assert.equal(well.status, 'succeeded');
    await assert.rejects(connection.request('run.frames', { run: well.run }), {
      code: 'not-found',
    });
  });
});
