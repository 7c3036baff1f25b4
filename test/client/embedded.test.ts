import * as assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connect } from '../../src/client/connection';
import { ensureEmbeddedRuntime, type EmbeddedOptions } from '../../src/client/embedded';

const CLIENT = { name: 'test', version: '0' };

describe('the embedded runtime', function () {
  this.timeout(90_000);
  let home = '';
  let options: EmbeddedOptions;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'velar-embedded-'));
    options = {
      home,
      python: undefined,
      runtimeScript: resolve('dist', 'runtime.js'),
      execPath: process.execPath,
    };
  });
  afterEach(() => {
    rmSync(home, { recursive: true, force: true });
  });

  it('is one for all who ask at the same time, and ends with the last of them', async () => {
    const addresses = await Promise.all([1, 2, 3].map(() => ensureEmbeddedRuntime(options)));
    assert.equal(new Set(addresses.map(({ pid }) => pid)).size, 1);
    assert.equal(addresses.filter(({ started }) => started).length, 1);
    const [first, second] = await Promise.all(
      addresses.slice(0, 2).map((address) => connect(address, { client: CLIENT })),
    );
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(await first.request('runtime.release', {}), { ends: false });
    await first.close();
    // The runtime hears of the first one's end over another socket, a moment later perhaps.
    while (!(await second.request('runtime.release', {})).ends);
    await second.close();
    const ours = addresses.find(({ started }) => started);
    assert.equal(await ours?.exited(30_000), true);
  });

  it('starts over a home that a crash left behind', async () => {
    writeFileSync(
      join(home, 'runtime.json'),
      JSON.stringify({ pid: 1, url: 'ws://127.0.0.1:1', tokenFile: join(home, 'owner-token') }),
    );
    writeFileSync(join(home, 'owner-token'), 'stale');
    const address = await ensureEmbeddedRuntime(options);
    assert.equal(address.started, true);
    const connection = await connect(address, { client: CLIENT });
    await connection.request('runtime.release', {});
    await connection.close();
    assert.equal(await address.exited(30_000), true);
  });

  it('that can not start says what it said', async () => {
    const script = join(home, 'broken.js');
    writeFileSync(script, 'console.error("no such thing"); process.exit(4);');
    await assert.rejects(ensureEmbeddedRuntime({ ...options, runtimeScript: script }), {
      code: 'unreachable',
      message: /ended at once \(4\).*no such thing/s,
    });
  });
});
