import assert from 'node:assert/strict';
import type { RunHandle } from '../../src/client/api';
import type { DapClient } from '../support/dapClient';
import { DebugRuntime, openWithDebugpy } from '../support/debugRuntime';
import { debugState } from '../support/debugState';
import { app } from './scheduling/harness';

/** Lines count from 1; the first three are the app's head. */
const APP = app(
  [
    'import multiprocessing, time', // 4
    '@app.function()',
    'def count(n: int) -> int:',
    '    total = 0',
    '    for i in range(n):',
    '        total += i', // 9
    '    return total',
    '@app.function()',
    'def fails():',
    '    wrong = "here"',
    '    raise KeyError(wrong)', // 14
    '@app.function()',
    'async def later(x: int) -> int:',
    '    y = x + 1', // 17
    '    return y',
    '@app.function()',
    'def items(n: int):',
    '    for i in range(n):',
    '        yield i', // 22
    'def in_child(x):',
    '    doubled = x * 2',
    '    raise SystemExit(doubled)', // 25
    '@app.function()',
    'def forks() -> int:',
    '    child = multiprocessing.get_context("fork").Process(target=in_child, args=(21,))',
    '    child.start()',
    '    child.join()',
    '    return child.exitcode',
    'LOADED = "at import"', // 32
    '@app.function()',
    'def naps() -> int:',
    '    time.sleep(0.5)',
    '    return 1', // 36
  ].join('\n'),
);

describe('Breakpoints of a debug run', function () {
  this.timeout(120_000);
  let runtime: DebugRuntime;
  before(async function () {
    runtime = await DebugRuntime.start(await openWithDebugpy(this));
  });
  after(() => runtime.close());

  /** Starts a function and sets these breakpoints of app.py before it is imported. */
  async function debug(
    qualname: string,
    args: number[],
    lines: readonly object[],
    filters: string[] = [],
  ): Promise<{ run: RunHandle; dap: DapClient; root: string }> {
    const run = await runtime.start(APP, { qualname }, args);
    const { root } = await debugState(run, 'waiting');
    const dap = await runtime.channel(run.run);
    await dap.attach({ [`${root}/app.py`]: lines }, { filters });
    return { run, dap, root };
  }

  it('may have a condition', async () => {
    const { run, dap } = await debug('count', [10], [{ line: 9, condition: 'i == 7' }]);
    const { frames, thread } = await dap.stopped();
    assert.ok(frames[0]);
    assert.equal((await dap.locals(frames[0])).get('i'), '7');
    await dap.request('continue', { threadId: thread });
    assert.deepEqual((await run.ended).result, { value: 45 });
    assert.equal(dap.transcript.filter(({ event }) => event === 'stopped').length, 1);
  });

  it('may print in place of stopping', async () => {
    const { run, dap } = await debug('count', [3], [{ line: 9, logMessage: 'i is {i}' }]);
    assert.deepEqual((await run.ended).result, { value: 3 });
    await dap.ended;
    const printed = dap.transcript
      .filter(({ event, body }) => event === 'output' && body?.['category'] === 'stdout')
      .map(({ body }) => String(body?.['output']).trim());
    assert.deepEqual(printed, ['i is 0', 'i is 1', 'i is 2']);
    assert.ok(!dap.transcript.some(({ event }) => event === 'stopped'));
  });

  it('may print from the last line, when everything that was asked has its answer', async () => {
    const { run, dap } = await debug('naps', [], [{ line: 36, logMessage: 'about to return' }]);
    assert.deepEqual((await run.ended).result, { value: 1 });
    await dap.ended;
    const printed = dap.transcript.filter(
      ({ event, body }) => event === 'output' && body?.['category'] === 'stdout',
    );
    assert.deepEqual(
      printed.map(({ body }) => body?.['output']),
      ['about to return\n'],
    );
  });

  it('stop at exceptions as they are raised', async () => {
    const { run, dap } = await debug('fails', [], [], ['raised']);
    const { reason, frames, thread } = await dap.stopped();
    assert.deepEqual([reason, frames[0]?.name, frames[0]?.line], ['exception', 'fails', 14]);
    const { exceptionId } = await dap.request('exceptionInfo', { threadId: thread });
    assert.equal(exceptionId, 'KeyError');
    await dap.request('setExceptionBreakpoints', { filters: [] });
    await dap.request('continue', { threadId: thread });
    const { error } = await run.ended;
    assert.deepEqual([error?.kind, error?.type], ['user', 'KeyError']);
  });

  it('stop where a module is imported, before anything is called', async () => {
    const { run, dap } = await debug('count', [2], [{ line: 32 }]);
    const { frames, thread } = await dap.stopped();
    assert.deepEqual([frames[0]?.name, frames[0]?.line], ['<module>', 32]);
    assert.equal(run.record.phases.find(({ phase }) => phase === 'running')?.status, 'pending');
    await dap.request('continue', { threadId: thread });
    assert.deepEqual((await run.ended).result, { value: 1 });
  });

  it('stop in an async function', async () => {
    const { run, dap } = await debug('later', [1], [{ line: 17 }]);
    const { frames, thread } = await dap.stopped();
    assert.ok(frames[0]);
    assert.equal((await dap.locals(frames[0])).get('x'), '1');
    await dap.request('continue', { threadId: thread });
    assert.deepEqual((await run.ended).result, { value: 2 });
  });

  it('stop in a generator between its items', async () => {
    const { run, dap } = await debug('items', [2], [{ line: 22 }]);
    for (const i of ['0', '1']) {
      const { frames, thread } = await dap.stopped();
      assert.ok(frames[0]);
      assert.equal((await dap.locals(frames[0])).get('i'), i);
      await dap.request('continue', { threadId: thread });
    }
    assert.deepEqual((await run.ended).yields, [{ value: 0 }, { value: 1 }]);
  });

  it('stop in a child process, which joins on a channel of its own', async () => {
    const { run, dap, root } = await debug('forks', [], [{ line: 25 }]);
    const joined = await dap.event('debugpyAttach');
    assert.equal(typeof joined['subProcessId'], 'number');
    const child = await runtime.channel(run.run);
    await child.attach({ [`${root}/app.py`]: [{ line: 25 }] }, { arguments: joined });
    const { frames, thread } = await child.stopped();
    assert.ok(frames[0]);
    assert.equal((await child.locals(frames[0])).get('doubled'), '42');
    assert.equal((await debugState(run, 'stopped')).reason, 'breakpoint');
    await child.request('continue', { threadId: thread });
    assert.deepEqual((await run.ended).result, { value: 42 });
    await child.ended;
  });
});
