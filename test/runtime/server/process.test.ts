/** The runtime as a process of its own: starts, joins, is killed, ends. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { bundleId, sha256Hex } from '../../../runtime/protocol/bundles';
import { embeddedReadySchema, type EmbeddedReady } from '../../../runtime/protocol/embedded';
import { startParams } from './harness';
import { LinkClient } from './linkClient';

const SCRIPT = resolve('dist', 'runtime.js');

describe('runtime process', () => {
  let home: string;
  let children: ChildProcess[] = [];
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'velar-process-'));
  });
  afterEach(async () => {
    for (const child of children) await ended(child, 'SIGKILL');
    children = [];
    rmSync(home, { recursive: true, force: true });
  });

  const launch = (flags: string[], stdin: 'ignore' | 'pipe' = 'ignore'): ChildProcess => {
    const child = spawn(process.execPath, [SCRIPT, ...flags], {
      stdio: [stdin, 'pipe', 'pipe'],
      env: { ...process.env, VELAR_HOME: home },
    });
    children.push(child);
    return child;
  };
  const firstLine = async (child: ChildProcess): Promise<string> => {
    assert.ok(child.stdout !== null);
    const lines = createInterface({ input: child.stdout });
    const [line] = (await once(lines, 'line')) as [string];
    lines.close();
    return line;
  };
  const embedded = async (
    stdin: 'ignore' | 'pipe' = 'ignore',
  ): Promise<{ child: ChildProcess; ready: EmbeddedReady }> => {
    const child = launch(['--embedded'], stdin);
    return { child, ready: embeddedReadySchema.parse(JSON.parse(await firstLine(child))) };
  };
  const ended = async (child: ChildProcess, signal?: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      if (signal !== undefined) child.kill(signal);
      await exit;
    }
    return child.exitCode;
  };

  it('is joined by a second start on the same home, which ends by itself', async () => {
    const first = await embedded();
    const second = await embedded();
    assert.deepEqual(second.ready, first.ready);
    assert.equal(first.ready.pid, first.child.pid);
    assert.equal(await ended(second.child), 0);
    const client = new LinkClient(second.ready.url, second.ready.token);
    await client.connect();
    await client.goodbye();
  });

  it('tells `serve` that another runtime has the home', async () => {
    await embedded();
    const serve = launch(['--serve', '--port', '0']);
    let said = '';
    serve.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    assert.equal(await ended(serve), 4);
    assert.match(said, /uses this home already/);
  });

  it('leaves nothing running and nothing locked after SIGTERM', async () => {
    const { child, ready } = await embedded();
    const client = new LinkClient(ready.url, ready.token);
    await client.connect();
    const closed = client.closed();
    assert.equal(await ended(child, 'SIGTERM'), 0);
    await closed;
    assert.equal(client.refusal?.code, 'session-lost');
    const left = readdirSync(home);
    for (const name of ['runtime.json', 'runtime.lock', 'owner-token', 'velar.db.lock']) {
      assert.ok(!left.includes(name), name);
    }
  });

  it('ends with whoever started it when no client is there', async () => {
    const { child } = await embedded('pipe');
    child.stdin?.end();
    assert.equal(await ended(child), 0);
  });

  it('ends as soon as its only client releases it', async () => {
    const { child, ready } = await embedded();
    const client = new LinkClient(ready.url, ready.token);
    await client.connect();
    assert.deepEqual(await client.request('runtime.release', {}), { ends: true });
    await client.goodbye();
    assert.equal(await ended(child), 0);
  });

  it('starts again on a home whose runtime was killed, and fails the runs that were going', async () => {
    const { child, ready } = await embedded();
    const client = new LinkClient(ready.url, ready.token);
    await client.connect();
    const source = Buffer.from('import velar\napp = velar.App("a")\n');
    const files = [
      { path: 'app.py', sha256: sha256Hex(source), size: source.byteLength, mode: 0o644 },
    ];
    const bundle = bundleId(files);
    const stream = client.openStream();
    const offered = client.request('bundle.offer', {
      bundle,
      content: { files },
      upload: { stream, items: [{ sha256: files[0]?.sha256 ?? '', size: source.byteLength }] },
    });
    client.sendData(stream, source, true);
    await offered;
    // A local entrypoint goes on until its client finishes it.
    const params = { ...startParams(), bundle, kind: 'local_entrypoint' as const };
    await client.request('run.start', params);
    // Asking for the list writes down what waits.
    const { runs } = await client.request('run.list', { limit: 10 });
    assert.deepEqual(
      runs.map(({ run, status }) => [run, status]),
      [[params.run, 'active']],
    );
    await ended(child, 'SIGKILL');
    assert.ok(existsSync(join(home, 'runtime.lock')));

    const again = await embedded();
    const after = new LinkClient(again.ready.url, again.ready.token);
    await after.connect();
    const { summary } = await after.request('run.attach', { run: params.run, afterSeq: 0 });
    assert.equal(summary.status, 'failed');
    assert.equal(summary.error?.kind, 'infrastructure');
    assert.equal(summary.error?.type, 'RuntimeStopped');
    await after.until(() => after.ended(params.run));
    assert.deepEqual(await after.request('bundle.offer', { bundle, content: { files } }), {
      missing: [],
    });
    after.drop();
  });

  it('serves beyond loopback with TLS only, and says where, which certificate and which code', async () => {
    const child = launch(['--serve', '--host', '0.0.0.0', '--port', '0', '--json']);
    const line = JSON.parse(await firstLine(child)) as Record<string, unknown>;
    assert.match(String(line['url']), /^wss:/);
    const outside = Object.values(networkInterfaces())
      .flatMap((each) => each ?? [])
      .some(({ internal, family }) => !internal && family === 'IPv4');
    // The address is for other machines: one that means "this machine" there is of no use.
    if (outside) assert.doesNotMatch(String(line['url']), /127\.0\.0\.1|localhost/);
    assert.match(String(line['fingerprint']), /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    assert.match(String(line['code']), /^\w{4}-\w{4}$/);
    assert.equal(await ended(child, 'SIGINT'), 0);
  });

  it('names what is wrong with its arguments', async () => {
    for (const flags of [
      [],
      ['--embedded', '--serve'],
      ['--serve', '--port', 'x'],
      ['--nonsense'],
    ]) {
      assert.equal(await ended(launch(flags)), 2, flags.join(' '));
    }
  });

  it('stays small when idle', async function () {
    if (process.platform !== 'linux') this.skip();
    const { ready } = await embedded();
    const client = new LinkClient(ready.url, ready.token);
    await client.connect();
    await client.request('runtime.info', {});
    const status = readFileSync(`/proc/${String(ready.pid)}/status`, 'utf8');
    const residentMb = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
    assert.ok(residentMb < 90, `${residentMb.toFixed(0)} MB resident`);
    client.drop();
  });
});
