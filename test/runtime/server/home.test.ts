import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Home, homePath } from '../../../runtime/server/home';
import { FileLogger } from '../../../runtime/server/logger';
import { processIdentity } from '../../../runtime/server/processIdentity';

const FACTS = { url: 'ws://127.0.0.1:1', port: 1, version: '0', token: 'secret' };

describe('home', () => {
  let folder: string;
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'velar-home-')), 'home');
  });
  afterEach(() => {
    rmSync(join(folder, '..'), { recursive: true, force: true });
  });

  const lockFile = (): string => join(folder, 'runtime.lock');

  it('is its owner’s alone', () => {
    const home = Home.prepare(folder);
    assert.ok(home.acquire());
    home.publish(FACTS);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    for (const name of readdirSync(folder)) {
      assert.equal(statSync(join(folder, name)).mode & 0o077, 0, name);
    }
    home.release();
    assert.deepEqual(readdirSync(folder), []);
  });

  it('lets one runtime in at a time', () => {
    const [first, second] = [Home.prepare(folder), Home.prepare(folder)];
    assert.ok(first.acquire());
    assert.equal(second.acquire(), false);
    first.release();
    assert.ok(second.acquire());
    second.release();
  });

  it('takes over a lock whose process is gone, or whose number another process has now', async () => {
    Home.prepare(folder);
    const child = spawn(process.execPath, ['-e', '']);
    const { pid = 0 } = child;
    await once(child, 'exit');
    const stale = [
      JSON.stringify({ pid, identity: '', nonce: 'x' }),
      JSON.stringify({ pid: process.pid, identity: 'another boot:1', nonce: 'x' }),
      '',
      '{"pid":',
    ];
    for (const text of stale) {
      writeFileSync(lockFile(), text);
      const home = Home.prepare(folder);
      assert.ok(home.acquire(), text);
      home.release();
    }
    assert.deepEqual(readdirSync(folder), []);
  });

  it('tells a second runtime where the first listens, as soon as it does', async () => {
    const [first, second] = [Home.prepare(folder), Home.prepare(folder)];
    assert.ok(first.acquire());
    const found = second.waitForRunning(new AbortController().signal);
    first.publish(FACTS);
    assert.deepEqual((await found)?.runtime.url, FACTS.url);
    assert.equal((await found)?.token, FACTS.token);
    first.release();
  });

  it('lets a waiting runtime start when the first ends instead', async () => {
    const [first, second] = [Home.prepare(folder), Home.prepare(folder)];
    assert.ok(first.acquire());
    const found = second.waitForRunning(new AbortController().signal);
    first.release();
    assert.equal(await found, undefined);
    assert.ok(second.acquire());
    second.release();
  });

  it('gives up waiting for one that never gets ready', async () => {
    const [first, second] = [Home.prepare(folder), Home.prepare(folder)];
    assert.ok(first.acquire());
    const { signal } = new AbortController();
    await assert.rejects(second.waitForRunning(signal, 1), { code: 'unreachable' });
    const aborted = AbortSignal.abort();
    await assert.rejects(second.waitForRunning(aborted), { code: 'cancelled' });
    first.release();
  });

  it('lies where it is told to', () => {
    assert.equal(homePath('/a', { VELAR_HOME: '/b' }), '/a');
    assert.equal(homePath(undefined, { VELAR_HOME: '/b' }), '/b');
    assert.match(homePath(undefined, {}), /\.velar$/);
  });

  it('knows itself from others', () => {
    assert.equal(processIdentity(process.pid), processIdentity(process.pid));
    assert.notEqual(processIdentity(process.pid), processIdentity(process.ppid));
    assert.equal(processIdentity(2 ** 22 + 1), undefined);
  });
});

describe('log of the runtime', () => {
  it('keeps secrets out, honours its level, and rotates', () => {
    const folder = mkdtempSync(join(tmpdir(), 'velar-log-'));
    const file = join(folder, 'runtime.log');
    try {
      const logger = new FileLogger(file, 'info', 2000);
      logger.debug('not this');
      logger.info('one', { token: 'abc', ownerToken: 'abc', port: 7 });
      const first: unknown = JSON.parse(readFileSync(file, 'utf8'));
      const { at: _at, ...rest } = first as Record<string, unknown>;
      assert.deepEqual(rest, {
        level: 'info',
        message: 'one',
        token: '(not logged)',
        ownerToken: '(not logged)',
        port: 7,
      });
      assert.ok(!readFileSync(file, 'utf8').includes('abc'));
      for (let index = 0; index < 100; index += 1) logger.warn(`line ${String(index)}`);
      logger.close();
      assert.deepEqual(readdirSync(folder).sort(), [
        'runtime.log',
        'runtime.log.1',
        'runtime.log.2',
      ]);
      for (const name of readdirSync(folder)) {
        assert.ok(statSync(join(folder, name)).size <= 2000, name);
      }
      assert.match(readFileSync(file, 'utf8'), /line 99/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
