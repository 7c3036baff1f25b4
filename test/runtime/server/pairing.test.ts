import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../../src/client/connection';
import { pair } from '../../../src/client/pairing';
import { pairResultSchema } from '../../../runtime/protocol/methods';
import { ensureCertificate, makeCertificate } from '../../../runtime/server/tls';
import { Harness } from './harness';

const MINUTE = 60_000;

describe('pairing', () => {
  let harness: Harness;
  let now: number;
  beforeEach(async () => {
    now = 1_800_000_000_000;
    harness = await Harness.start({ now: () => now });
  });
  afterEach(() => harness.stop());

  const post = async (body: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(`http://127.0.0.1:${String(harness.server.port)}/v1/pair`, {
      method: 'POST',
      headers,
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const tryCode = (code: string) => post({ code, deviceName: 'laptop' });

  it('gives a token for a code, once, and keeps only its hash', async () => {
    const { code } = harness.server.issueCode();
    assert.match(code, /^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
    const { status, body } = await tryCode(code.toLowerCase().replace('-', ' '));
    assert.equal(status, 200);
    const { token, device } = pairResultSchema.parse(body);
    await harness.connected({ token });
    assert.equal((await tryCode(code)).status, 401);
    const files = ['velar.db', 'velar.db-wal'].map((name) => join(harness.home, name));
    for (const file of files.filter((name) => existsSync(name))) {
      assert.ok(!readFileSync(file).includes(token), file);
    }
    assert.equal(harness.store.devices.list()[0]?.id, device);
  });

  it('forgets a code after five wrong tries, and after ten minutes', async () => {
    const first = harness.server.issueCode();
    for (let index = 0; index < 5; index += 1)
      assert.equal((await tryCode('0000-0000')).status, 401);
    assert.equal((await tryCode(first.code)).status, 401);
    const second = harness.server.issueCode();
    now += 10 * MINUTE;
    assert.equal((await tryCode(second.code)).status, 401);
    const third = harness.server.issueCode();
    now += 10 * MINUTE - 1;
    assert.equal((await tryCode(third.code)).status, 200);
  });

  it('slows down whoever guesses, and lets people in again after a minute', async () => {
    for (let index = 0; index < 20; index += 1) await tryCode('guess');
    const { code } = harness.server.issueCode();
    const refused = await tryCode(code);
    assert.equal(refused.status, 401);
    assert.match(String(refused.body['hint']), /minute/);
    now += MINUTE;
    assert.equal((await tryCode(code)).status, 200);
  });

  it('refuses web pages, and bodies that are none', async () => {
    const { code } = harness.server.issueCode();
    const origin = { origin: 'https://evil.example' };
    assert.equal((await post({ code, deviceName: 'x' }, origin)).status, 403);
    assert.equal((await post('{')).status, 400);
    assert.equal((await post({ code })).status, 400);
    assert.equal((await post('x'.repeat(5000))).status, 413);
    assert.equal((await tryCode(code)).status, 200);
  });

  it('closes the connections of a device that is unpaired, and lets it in no more', async () => {
    const { code } = harness.server.issueCode();
    const { token, device } = pairResultSchema.parse((await tryCode(code)).body);
    const client = await harness.connected({ token });
    const other = await harness.connected();
    const { devices } = await client.request('device.list', {});
    assert.deepEqual(
      devices.map(({ id, name, current }) => ({ id, name, current })),
      [{ id: device, name: 'laptop', current: true }],
    );
    const closed = client.closed();
    await client.request('device.revoke', {});
    assert.equal(await closed, 4401);
    assert.equal(client.refusal?.code, 'unauthorised');
    await assert.rejects(client.connect(), /HTTP 401/);
    assert.deepEqual(await other.request('device.list', {}), { devices: [] });
    await assert.rejects(other.request('device.revoke', { device }), { code: 'not-found' });
    await assert.rejects(other.request('device.revoke', {}), { code: 'invalid' });
  });
});

describe('TLS', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'velar-tls-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('makes one certificate and keeps it, its key for the owner only', () => {
    const made = ensureCertificate(folder, ['gpu.example', '192.0.2.7', '2001:db8::1']);
    assert.deepEqual(ensureCertificate(folder, ['other.example']), made);
    assert.equal(statSync(join(folder, 'key.pem')).mode & 0o777, 0o600);
    const certificate = new X509Certificate(made.certificate);
    assert.equal(certificate.fingerprint256, made.fingerprint);
    assert.equal(
      certificate.subjectAltName,
      'DNS:gpu.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1',
    );
    assert.ok(certificate.verify(certificate.publicKey));
    assert.equal(certificate.ca, false);
    assert.ok(new Date(certificate.validTo).getTime() > Date.now() + 9 * 365 * 24 * 60 * MINUTE);
  });

  it('writes dates beyond 2049 in the form that is due', () => {
    const { certificate } = makeCertificate(['x'], new Date('2045-01-01T00:00:00Z'));
    assert.match(new X509Certificate(certificate).validTo, /2054/);
  });

  it('pairs and connects over TLS with the pinned certificate, and with no other', async () => {
    const tls = ensureCertificate(folder, ['127.0.0.1']);
    const harness = await Harness.start({ tls });
    try {
      assert.match(harness.server.url, /^wss:/);
      const { code } = harness.server.issueCode();
      const shown: string[] = [];
      const { entry, token } = await pair(harness.server.url, code, 'laptop', (fingerprint) => {
        shown.push(fingerprint);
        return Promise.resolve(true);
      });
      assert.equal(shown[0]?.toUpperCase(), tls.fingerprint.replaceAll(':', ''));
      const client = { name: 'test', version: '0' };
      const address = { url: entry.url, token, fingerprint: entry.fingerprint ?? '' };
      const connection = await connect(address, { client });
      assert.deepEqual(await connection.request('run.list', { limit: 1 }), { runs: [] });
      await connection.close();
      await assert.rejects(connect({ ...address, fingerprint: 'ab'.repeat(32) }, { client }), {
        code: 'unauthorised',
      });
      // This machine's own clients come in without TLS, on loopback.
      const local = harness.client({ url: harness.server.localUrl });
      await local.connect();
    } finally {
      await harness.stop();
    }
  });
});
