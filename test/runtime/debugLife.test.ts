import assert from 'node:assert/strict';
import { processesOf } from '../../runtime/engines/leftovers';
import { systemClock, type Clock } from '../../runtime/scheduling/clock';
import { OPENS_WITHIN_MS } from '../../runtime/debugging/debugSession';
import type { RunHandle } from '../../src/client/api';
import { awaitDebugCall } from '../../src/client/debugChannel';
import { attachRun } from '../../src/client/runs';
import type { DapClient } from '../support/dapClient';
import { DebugRuntime, openWithDebugpy } from '../support/debugRuntime';
import { debugState, recordUntil } from '../support/debugState';
import { app, Harness } from './scheduling/harness';

const APP = app(
  [
    '@app.function(timeout=2, startup_timeout=60)', // 4
    'def f(x: int) -> int:',
    '    y = x + 1', // 6
    '    return y',
  ].join('\n'),
);

/** Its debugger takes longer to import than a call may take. */
const SLOW = app(
  [
    'import sys, time', // 4
    'class Slow:',
    '    def find_spec(self, name, path=None, target=None):',
    '        if name == "debugpy":',
    '            time.sleep(3)',
    'sys.meta_path.insert(0, Slow())',
    '',
    '@app.function(timeout=2, startup_timeout=60)',
    'def f(x: int) -> int:',
    '    y = x + 1', // 13
    '    return y',
  ].join('\n'),
);
const SLOW_LINE = 13;

describe('The life of a debug run', function () {
  this.timeout(120_000);
  let runtime: DebugRuntime | undefined;
  afterEach(async () => {
    const closing = runtime;
    runtime = undefined;
    await closing?.close();
  });

  async function open(
    context: Mocha.Context,
    options: { clock?: Clock; graceMs?: number } = {},
  ): Promise<DebugRuntime> {
    const { graceMs, ...rest } = options;
    const harness = await openWithDebugpy(context, (home) => Harness.open({ ...home, ...rest }));
    runtime = await DebugRuntime.start(harness, graceMs);
    return runtime;
  }

  /** A run that stands still in line 6. */
  async function stop(
    at: DebugRuntime,
  ): Promise<{ run: RunHandle; dap: DapClient; thread: number; container: string }> {
    const run = await at.start(APP, { qualname: 'f' }, [1]);
    const { root } = await debugState(run, 'waiting');
    const dap = await at.channel(run.run);
    await dap.attach({ [`${root}/app.py`]: [{ line: 6 }] });
    const { thread } = await dap.stopped();
    const { container } = await recordUntil(run, ({ debug }) => debug?.state === 'stopped');
    return { run, dap, thread, container: container ?? '' };
  }

  it('does not count time at a breakpoint to the timeout, but to the cost', async function () {
    const { run, dap, thread } = await stop(await open(this));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await dap.request('continue', { threadId: thread });
    const record = await run.ended;
    assert.deepEqual([record.status, record.result], ['succeeded', { value: 2 }]);
    assert.ok((record.cost?.seconds ?? 0) >= 3, `${String(record.cost?.seconds)} s are billed`);
  });

  it('can be cancelled at a breakpoint, and leaves nothing of the debugger', async function () {
    const { run, dap, container } = await stop(await open(this));
    assert.ok((await processesOf(container)).length >= 4);
    await run.cancel();
    assert.equal((await run.ended).status, 'cancelled');
    await dap.ended;
    await onlyWorkerIn(container);
  });

  it('goes on where it stood when the connection was cut', async function () {
    const at = await open(this);
    const { run, dap, thread } = await stop(at);
    at.proxy.cut();
    const { stackFrames } = await dap.request('stackTrace', { threadId: thread });
    assert.ok(Array.isArray(stackFrames));
    assert.ok(at.proxy.accepted >= 2);
    await dap.request('continue', { threadId: thread });
    assert.deepEqual((await run.ended).result, { value: 2 });
  });

  it('ends with its client’s session, and frees the container', async function () {
    const at = await open(this, { graceMs: 300 });
    const { run, container } = await stop(at);
    const watched = at.harness.watch(run.run);
    at.proxy.refuse(true);
    assert.equal((await watched.ended).status, 'cancelled');
    await onlyWorkerIn(container);
    at.proxy.refuse(false);
  });

  it('goes on undebugged when the client leaves', async function () {
    const at = await open(this);
    const run = await at.start(APP, { qualname: 'f' }, [1]);
    const { root } = await debugState(run, 'waiting');
    const dap = await at.channel(run.run);
    await dap.attach({ [`${root}/app.py`]: [{ line: 6 }] });
    await dap.stopped();
    await dap.request('disconnect', { terminateDebuggee: false });
    assert.deepEqual((await run.ended).result, { value: 2 });
  });

  it('goes on undebugged when nobody comes to debug it', async function () {
    const clock: Clock = {
      ...systemClock,
      timer: (ms, callback) => systemClock.timer(ms === OPENS_WITHIN_MS ? 50 : ms, callback),
    };
    const run = await (await open(this, { clock })).start(APP, { qualname: 'f' }, [1]);
    const record = await run.ended;
    assert.deepEqual([record.result, record.debug?.state], [{ value: 2 }, 'ended']);
  });

  it('can begin with the next call of a warm container', async function () {
    const at = await open(this);
    const plain = { qualname: 'f', debug: false };
    const warm = await (await at.start(APP, plain, [1])).ended;
    const container = warm.container ?? '';
    const none = new AbortController().signal;
    await assert.rejects(awaitDebugCall(at.connection, 'c-none', none), /no container c-none/);
    for (const round of [1, 2]) {
      const next = awaitDebugCall(at.connection, container, none);
      // Whoever asks second is refused: the first is being waited for by then.
      await assert.rejects(awaitDebugCall(at.connection, container, none), /waits already/);
      // Calls go by as long as the container is being asked what it has for debugging.
      let caught: string | undefined;
      while (caught === undefined) {
        const call = await at.start(APP, plain, [round]);
        caught = await Promise.race([next, call.ended.then(() => undefined)]);
        if (caught !== undefined) assert.equal(caught, call.run);
      }
      const run = attachRun(at.connection, caught);
      const { root } = await debugState(run, 'waiting');
      const dap = await at.channel(run.run);
      await dap.attach({ [`${root}/app.py`]: [{ line: 6 }] });
      const { thread } = await dap.stopped();
      await dap.request('continue', { threadId: thread });
      const record = await run.ended;
      assert.deepEqual([record.result, record.warm], [{ value: round + 1 }, true]);
      await dap.ended;
    }
    const undebugged = await (await at.start(APP, plain, [5])).ended;
    assert.deepEqual([undebugged.result, undebugged.debug], [{ value: 6 }, null]);
  });

  it('gives the debugger of a call that has begun the time that it takes to come up', async function () {
    const at = await open(this);
    const plain = { qualname: 'f', debug: false };
    const warm = await (await at.start(SLOW, plain, [1])).ended;
    const next = awaitDebugCall(at.connection, warm.container ?? '', new AbortController().signal);
    let caught: RunHandle | undefined;
    while (caught === undefined) {
      const call = await at.start(SLOW, plain, [1]);
      const passed = call.ended.then(() => undefined);
      caught = await Promise.race([next.then(() => call), passed]);
    }
    const { root } = await debugState(caught, 'waiting');
    const dap = await at.channel(caught.run);
    await dap.attach({ [`${root}/app.py`]: [{ line: SLOW_LINE }] });
    const { thread } = await dap.stopped();
    await dap.request('continue', { threadId: thread });
    assert.deepEqual((await caught.ended).result, { value: 2 });
  });

  it('is refused for a run that is not debugged, and for a local entrypoint', async function () {
    const at = await open(this);
    const run = await at.start(APP, { qualname: 'f', debug: false }, [1]);
    await assert.rejects(at.channel(run.run), /does not wait for a debugger/);
    await run.ended;
    const entrypoint = { qualname: 'main', kind: 'local_entrypoint' } as const;
    await assert.rejects(at.start(APP, entrypoint), /local entrypoint runs on the client/);
  });
});

/** Resolves once nothing but the container's worker is left; the kernel tells nobody of that. */
async function onlyWorkerIn(container: string): Promise<void> {
  while ((await processesOf(container)).length !== 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
