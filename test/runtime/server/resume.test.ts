import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bundleId, sha256Hex } from '../../../runtime/protocol/bundles';
import { Harness, startParams } from './harness';
import type { LinkClient } from './linkClient';

/** Waits for the given number of things seen, then cuts the connection and comes back. */
async function dropAfter(client: LinkClient, count: number): Promise<void> {
  await client.until(() => client.seen.length >= count);
  client.drop();
  await client.connect();
}

describe('resume', () => {
  let harness: Harness;
  before(async () => {
    harness = await Harness.start();
  });
  after(() => harness.stop());

  it('loses nothing and repeats nothing, wherever the connection breaks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 5, maxLength: 60 }),
        async (drops, batches) => {
          const client = await harness.connected();
          const params = startParams();
          await client.request('run.start', params);
          let printed = 0;
          let index = 0;
          const print = (): void => {
            const count = batches[index++] ?? 0;
            if (count === 0) {
              harness.service.succeed(params.run, printed);
              return;
            }
            let text = '';
            for (let line = 0; line < count; line += 1) text += `line ${String(++printed)}\n`;
            harness.service.print(params.run, text);
            harness.service.emit(params.run, {
              type: 'calls',
              at: index,
              done: index,
              failed: 0,
              total: batches.length,
            });
            setImmediate(print);
          };
          print();
          const total = batches.reduce((sum, count) => sum + count, 0);
          let at = 0;
          for (const drop of drops) {
            at += drop;
            // No more than there will be for sure: the lines and the end.
            if (at < total) await dropAfter(client, at);
          }
          await client.until(() => client.ended(params.run));
          assert.deepEqual(
            client.lines().map(({ text }) => text),
            Array.from({ length: total }, (_, line) => `line ${String(line + 1)}`),
          );
          const events = client.events(params.run);
          const counts = events.flatMap((event) => (event.type === 'calls' ? [event.done] : []));
          assert.deepEqual(
            counts,
            batches.map((_, batch) => batch + 1),
          );
          assert.deepEqual(
            events.slice(-2).map(({ type }) => type),
            ['result', 'ended'],
          );
          await client.goodbye();
        },
      ),
      { numRuns: 25, seed: 20260726 },
    );
  });

  it('goes on while the client is away, and catches it up', async () => {
    const client = await harness.connected();
    const params = startParams();
    await client.request('run.start', params);
    client.drop();
    await harness.connected().then((other) => other.goodbye());
    for (let line = 1; line <= 5000; line += 1) {
      harness.service.print(params.run, `${String(line)} ${'z'.repeat(900)}\n`);
    }
    harness.service.succeed(params.run, 'done');
    const welcome = await client.connect();
    assert.equal(welcome.resumed, true);
    await client.until(() => client.ended(params.run));
    assert.deepEqual(
      client.lines().map(({ seq }) => seq),
      Array.from({ length: 5000 }, (_, index) => index + 1),
    );
  });

  it('takes an upload to its end over several connections, each byte once', async () => {
    const client = await harness.connected();
    const blob = Buffer.alloc(900_000, 'velar');
    const sha256 = sha256Hex(blob);
    const file = { path: 'a.bin', sha256, size: blob.byteLength, mode: 0o644 };
    const bundle = bundleId([file]);
    const stream = client.openStream();
    const offered = client.request('bundle.offer', {
      bundle,
      content: { files: [file] },
      upload: { stream, items: [{ sha256, size: blob.byteLength }] },
    });
    const step = 65_536;
    for (let offset = 0; offset < blob.byteLength; offset += step) {
      client.sendFrame(stream, blob.subarray(offset, offset + step), false);
      if (offset % (4 * step) === 0) {
        client.drop();
        assert.equal((await client.connect()).resumed, true);
      }
    }
    client.sendFrame(stream, new Uint8Array(0), true);
    assert.deepEqual(await offered, { missing: [] });
    assert.ok(harness.store.bundles.complete(bundle));
  });

  it('replaces a connection that is half dead without telling the runtime', async () => {
    const client = await harness.connected();
    const params = startParams();
    await client.request('run.start', params);
    client.pause();
    harness.service.print(params.run, 'one\n');
    await client.connect();
    harness.service.print(params.run, 'two\n');
    harness.service.succeed(params.run, 1);
    await client.until(() => client.ended(params.run));
    assert.deepEqual(
      client.lines().map(({ text }) => text),
      ['one', 'two'],
    );
    assert.equal(harness.server.clients.expected, 0);
  });

  it('starts afresh when the time of grace is over', async () => {
    const short = await Harness.start({ graceMs: 1 });
    try {
      const client = await short.connected();
      client.drop();
      const gone = (): boolean => {
        const { connected, expected } = short.server.clients;
        return connected + expected === 0;
      };
      while (!gone()) await new Promise((resolve) => setImmediate(resolve));
      assert.equal((await client.connect()).resumed, false);
    } finally {
      await short.stop();
    }
  });

  it('waits longer for another machine that has a local entrypoint going', async () => {
    const short = await Harness.start({ graceMs: 1 });
    try {
      const pair = async (name: string): Promise<LinkClient> => {
        const tokenSha256 = sha256Hex(name);
        short.store.devices.add({ id: name, name, tokenSha256, pairedAt: 1, lastSeenAt: null });
        return short.connected({ token: name });
      };
      const [calling, idle] = [await pair('calling'), await pair('idle')];
      const params = startParams();
      await calling.request('run.start', { ...params, kind: 'local_entrypoint' });
      await calling.request('run.openCaller', {
        run: params.run,
        callerStream: calling.openStream(),
        outputStream: calling.openStream(),
      });
      calling.drop();
      idle.drop();
      // The other one's time is over, so one as short would be as well.
      while (short.server.clients.expected !== 1 || short.server.clients.connected !== 0) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal((await calling.connect()).resumed, true);
      assert.equal((await idle.connect()).resumed, false);
    } finally {
      await short.stop();
    }
  });

  it('does not give a session to another device', async () => {
    const client = await harness.connected();
    const token = 'another-device';
    harness.store.devices.add({
      id: 'dev-other',
      name: 'other',
      tokenSha256: sha256Hex(token),
      pairedAt: 1,
      lastSeenAt: null,
    });
    const thief = harness.client({ token });
    thief.session = client.session;
    assert.equal((await thief.connect()).resumed, false);
    assert.notEqual(thief.session, client.session);
  });
});
