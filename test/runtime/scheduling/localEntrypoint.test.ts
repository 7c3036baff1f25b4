import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Duplex, PassThrough, type Readable, type Writable } from 'node:stream';
import { app, Harness, phaseEnds, valueOf, type WatchedRun } from './harness';

const APP = app(
  [
    '@app.function()',
    'def square(x):',
    '    print("remote", x)',
    '    return x * x',
    '@app.local_entrypoint()',
    'def main():',
    '    print("local")',
    '    print(sum(square.map(range(10))))',
    '@app.local_entrypoint()',
    'def alone():',
    '    print("nothing remote")',
  ].join('\n'),
);

describe('a local entrypoint', function () {
  this.timeout(60_000);
  let harness: Harness;
  before(async () => {
    harness = await Harness.open();
  });
  after(() => harness.close());

  /** Runs the entrypoint as the client does: the frames on descriptors, the output as tagged chunks. */
  async function runLocally(qualname: string): Promise<WatchedRun> {
    const folder = join(harness.home, 'workspace');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'app.py'), APP['app.py'] ?? '');
    const run = await harness.run(await harness.bundle(APP), {
      qualname,
      kind: 'local_entrypoint',
    });
    const child: ChildProcess = spawn('python3', ['-m', 'velar_worker.local', 'app.py', qualname], {
      cwd: folder,
      env: {
        ...process.env,
        PYTHONPATH: join(process.cwd(), 'runtime', 'python'),
        VELAR_CALLER_FDS: '3,4',
      },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    });
    const output = new PassThrough({ objectMode: true });
    const forward = (stream: Readable | null, fd: number): void => {
      stream?.on('data', (chunk: Buffer) =>
        output.write(Buffer.concat([Buffer.from([fd]), chunk])),
      );
    };
    forward(child.stdout, 1);
    forward(child.stderr, 2);
    const [, , , toChild, fromChild] = child.stdio as unknown as [
      null,
      null,
      null,
      Writable,
      Readable,
    ];
    // What the entrypoint leaves unread when it ends is nobody's loss.
    toChild.on('error', () => undefined);
    fromChild.on('error', () => undefined);
    const caller = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        toChild.write(chunk);
        done();
      },
    });
    fromChild.on('data', (chunk: Buffer) => caller.push(chunk));
    fromChild.on('end', () => caller.push(null));
    harness.service.openCaller(run.id, caller, output);
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(code, 0, (await run.lines()).map((line) => line.text).join('\n'));
    harness.service.finish(run.id, null);
    await run.ended;
    return run;
  }

  it('reaches the runtime with its calls, and its phases are those of the first call', async () => {
    const run = await runLocally('main');
    assert.equal(valueOf(run), null);
    const texts = (await run.lines()).map((line) => line.text);
    assert.ok(texts.includes('local') && texts.includes('285'), texts.join('\n'));
    assert.equal(texts.filter((text) => text.startsWith('remote')).length, 10);
    assert.deepEqual(phaseEnds(run), [
      'queued done',
      'provisioning skipped',
      'image done',
      'container done',
      'imports done',
      'model-load skipped',
      'running done',
    ]);
    const counted = run.events.filter((event) => event.type === 'calls').at(-1);
    assert.equal(counted?.type === 'calls' && counted.done, 10);
  });

  it('that calls nothing skips what it did not need', async () => {
    const run = await runLocally('alone');
    assert.deepEqual(phaseEnds(run), [
      'queued done',
      'provisioning skipped',
      'image skipped',
      'container skipped',
      'imports skipped',
      'model-load skipped',
      'running done',
    ]);
  });
});
