import assert from 'node:assert/strict';
import { DebugRuntime, openWithDebugpy } from '../support/debugRuntime';
import { debugState } from '../support/debugState';
import { baseImage, containersOf, openDocker } from './support';

/** The suite's base image has Debian's debugpy; `without` takes it away. */
function debugApp(without: boolean): Record<string, string> {
  const gone = without ? '.run_commands("rm -rf /usr/lib/python3/dist-packages/debugpy*")' : '';
  return {
    'app.py': [
      'import velar',
      `image = velar.Image.from_registry(${JSON.stringify(baseImage())})${gone}`,
      'app = velar.App("test")',
      '@app.function(image=image)',
      'def f(x: int) -> int:',
      '    y = x + 1', // 6
      '    return y',
      '',
    ].join('\n'),
  };
}

describe('Debugging in Docker', function () {
  let runtime: DebugRuntime;
  before(async function () {
    const harness = await openWithDebugpy(this, (home) => openDocker(home), '3.11.0');
    runtime = await DebugRuntime.start(harness);
  });
  after(async () => {
    await runtime.close();
    assert.deepEqual(await containersOf(runtime.harness), []);
  });

  async function debugged(files: Record<string, string>): Promise<string> {
    const run = await runtime.start(files, { qualname: 'f' }, [1]);
    const { root, debugpy } = await debugState(run, 'waiting');
    const dap = await runtime.channel(run.run);
    await dap.attach({ [`${root}/app.py`]: [{ line: 6 }] });
    const { frames, thread } = await dap.stopped();
    assert.deepEqual(
      frames.map(({ name, line }) => [name, line]),
      [['f', 6]],
    );
    assert.ok(frames[0]);
    assert.equal((await dap.locals(frames[0])).get('x'), '1');
    await dap.request('continue', { threadId: thread });
    assert.deepEqual((await run.ended).result, { value: 2 });
    await dap.ended;
    return debugpy ?? '';
  }

  it('uses the debugpy of the image', async () => {
    assert.match(await debugged(debugApp(false)), /^1\.6\.3/);
  });

  it('brings one to an image that has none', async () => {
    assert.match(await debugged(debugApp(true)), /^1\.(?!6\.)\d+\.\d+$/);
  });
});
