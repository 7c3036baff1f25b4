import assert from 'node:assert/strict';
import { DebugRuntime, openWithDebugpy } from '../support/debugRuntime';
import { debugState, recordUntil } from '../support/debugState';
import { maskedTranscript } from '../support/transcript';
import { app } from './scheduling/harness';

const APP = {
  ...app(
    [
      'import helper',
      '@app.function()',
      'def add(a: int, b: int) -> int:',
      '    total = a + b',
      '    doubled = helper.double(total)',
      '    return doubled',
    ].join('\n'),
  ),
  'helper.py': 'def double(value):\n    result = value * 2\n    return result\n',
};

/** debugpy 1.8; what it says besides, such as the modules it comes by, is left out. */
const GOLDEN = [
  'client initialize',
  'answer initialize',
  'client attach',
  'event initialized',
  'client setBreakpoints {"source":{"path":"<root>/app.py"},"breakpoints":[{"line":8}]}',
  'answer setBreakpoints {"breakpoints":[{"verified":true,"id":"#","source":{"path":"<root>/app.py"},"line":8}]}',
  'client setExceptionBreakpoints',
  'answer setExceptionBreakpoints',
  'client configurationDone',
  'answer configurationDone',
  'answer attach',
  'event stopped {"reason":"breakpoint"}',
  'client stackTrace {"threadId":"#"}',
  'answer stackTrace {"stackFrames":[{"id":"#","name":"add","line":8,"column":1,"source":{"path":"<root>/app.py"}}],"totalFrames":1}',
  'client scopes',
  'answer scopes',
  'client variables {"variablesReference":"#"}',
  'answer variables {"variables":[{"name":"a","value":"1","type":"int"},{"name":"b","value":"2","type":"int"},{"name":"total","value":"3","type":"int"}]}',
  'client evaluate {"expression":"total + 1","frameId":"#","context":"repl"}',
  'answer evaluate {"result":"4","type":"int"}',
  'client stepIn',
  'answer stepIn',
  'event stopped {"reason":"step"}',
  'client stackTrace {"threadId":"#"}',
  'answer stackTrace {"stackFrames":[{"id":"#","name":"double","line":2,"column":1,"source":{"path":"<root>/helper.py"}},{"id":"#","name":"add","line":8,"column":1,"source":{"path":"<root>/app.py"}}],"totalFrames":2}',
  'client continue',
  'answer continue',
];

describe('Debugging on the process engine', function () {
  this.timeout(120_000);
  let runtime: DebugRuntime;
  before(async function () {
    runtime = await DebugRuntime.start(await openWithDebugpy(this));
  });
  after(() => runtime.close());

  it('stops at a breakpoint, shows and evaluates, steps into a sibling module, and goes on to the result', async () => {
    const run = await runtime.start(APP, { qualname: 'add' }, [1, 2]);
    const { root, python, debugpy } = await debugState(run, 'waiting');
    assert.match(`${python} ${debugpy}`, /^3\.\d+\.\d+ 1\.\d+\.\d+$/);
    const dap = await runtime.channel(run.run);
    await dap.attach({ [`${root}/app.py`]: [{ line: 8 }] });
    const stop = await dap.stopped();
    const { debug, phases } = await recordUntil(run, ({ debug }) => debug?.state === 'stopped');
    assert.equal(debug?.reason, 'breakpoint');
    assert.equal(phases.at(-1)?.detail, 'stopped at a breakpoint; the cost clock goes on');
    const [frame] = stop.frames;
    assert.ok(frame);
    await dap.locals(frame);
    await dap.request('evaluate', { expression: 'total + 1', frameId: frame.id, context: 'repl' });
    await dap.request('stepIn', { threadId: stop.thread });
    const inside = await dap.stopped();
    assert.deepEqual(
      inside.frames.map(({ name, line, source }) => [name, line, source.path.slice(root.length)]),
      [
        ['double', 2, '/helper.py'],
        ['add', 8, '/app.py'],
      ],
    );
    await dap.request('continue', { threadId: stop.thread });
    const record = await run.ended;
    assert.deepEqual([record.status, record.result], ['succeeded', { value: 6 }]);
    assert.equal(record.debug?.state, 'ended');
    await dap.ended;
    const shown = new Set(['setBreakpoints', 'stopped', 'stackTrace', 'variables', 'evaluate']);
    assert.deepEqual(maskedTranscript(dap.transcript, root, shown), GOLDEN);
  });
});
