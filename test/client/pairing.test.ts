import * as assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../src/client/connection';
import { pair } from '../../src/client/pairing';
import { ensureCertificate } from '../../runtime/server/tls';
import { Harness } from '../runtime/server/harness';

const CLIENT = { name: 'test', version: '0' };

describe('pairing over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'velar-tls-'));
  let harness: Harness;
  let address = '';

  before(async () => {
    const tls = ensureCertificate(folder, ['127.0.0.1']);
    harness = await Harness.start({ tls });
    address = `wss://127.0.0.1:${String(harness.server.port)}`;
  });

  after(async () => {
    await harness.stop();
    rmSync(folder, { recursive: true });
  });

  it('shows the certificate before anything is sent, and pins it', async () => {
    const { code } = harness.server.issueCode();
    let shown = '';
    await assert.rejects(
      pair(address, code, 'laptop', (fingerprint) => {
        shown = fingerprint;
        return Promise.resolve(false);
      }),
      { code: 'cancelled' },
    );
    assert.match(shown, /^[0-9a-f]{64}$/);
    const { entry, token } = await pair(address, code, 'laptop', () => Promise.resolve(true));
    assert.equal(entry.fingerprint, shown, 'the refused try has not used the code');
    const connection = await connect(
      { url: entry.url, token, fingerprint: shown },
      { client: CLIENT },
    );
    const { devices } = await connection.request('device.list', {});
    assert.deepEqual(
      devices.map(({ name, current }) => [name, current]),
      [['laptop', true]],
    );
    await connection.close();
  });

  it('keeps its token from a peer with another certificate', async () => {
    const wrong = { url: address, token: 'secret', fingerprint: 'ab'.repeat(32) };
    await assert.rejects(connect(wrong, { client: CLIENT }), {
      code: 'unauthorised',
      message: /another certificate/,
    });
    const { code } = harness.server.issueCode();
    const spoofed = `velar://127.0.0.1:${String(harness.server.port)}?fingerprint=${'ab'.repeat(32)}`;
    await assert.rejects(
      pair(spoofed.replace('velar', 'wss'), code, 'laptop', () => Promise.resolve(true)),
      { code: 'unauthorised', message: /another certificate/ },
    );
  });

  it('says what to do about a wrong code', async () => {
    harness.server.issueCode();
    await assert.rejects(
      pair(address, '0000-0000', 'laptop', () => Promise.resolve(true)),
      { code: 'unauthorised', message: /code is wrong/ },
    );
  });
});
