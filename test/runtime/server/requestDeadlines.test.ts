/** How long a request may take to come in, on real sockets. */
import assert from 'node:assert/strict';
import { createServer, request, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as after } from 'node:timers/promises';
import { readJson, sendJson } from '../../../runtime/server/http';
import { RequestDeadlines } from '../../../runtime/server/requestDeadlines';

const DEADLINE_MS = 1000;

describe('requests that take their time', function () {
  this.timeout(30_000);
  let server: Server;
  let port: number;
  beforeEach(async () => {
    const deadlines = new RequestDeadlines(DEADLINE_MS);
    server = createServer({ connectionsCheckingInterval: 2 ** 31 - 1 }, (asked, response) => {
      deadlines.began(asked, response);
      readJson(asked, 1024 ** 2).then(
        (body) => sendJson(response, 200, String(body).length),
        () => undefined,
      );
    });
    server.on('connection', (socket) => deadlines.await(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const send = (body: AsyncIterable<string>): Promise<{ status: number; answer: string }> =>
    new Promise((resolve, reject) => {
      const sent = request({ port, host: '127.0.0.1', method: 'POST' }, (response) => {
        text(response).then((answer) => {
          resolve({ status: response.statusCode ?? 0, answer });
        }, reject);
      });
      sent.on('error', reject);
      void (async () => {
        for await (const part of body) if (!sent.destroyed) sent.write(part);
        sent.end();
      })();
    });

  it('are taken whole over a slow line, as long as something comes on', async () => {
    async function* slow(): AsyncGenerator<string> {
      yield '"';
      for (let part = 0; part < 30; part += 1) {
        await after(100);
        yield 'x'.repeat(4 * 1024);
      }
      yield '"';
    }
    const began = performance.now();
    assert.deepEqual(await send(slow()), { status: 200, answer: String(30 * 4 * 1024) });
    assert.ok(performance.now() - began > 2 * DEADLINE_MS, 'longer than the deadline');
  });

  it('are told in words when their body only drips, or ends coming', async () => {
    async function* drips(): AsyncGenerator<string> {
      for (let part = 0; part < 100; part += 1) {
        yield 'x';
        await after(100);
      }
    }
    async function* stops(): AsyncGenerator<string> {
      yield 'x'.repeat(100_000);
      await after(10 * DEADLINE_MS);
    }
    for (const body of [drips(), stops()]) {
      const { status, answer } = await send(body);
      assert.equal(status, 408);
      assert.match(answer, /body did not come within 1 s.*at least 8192 bytes/);
    }
  });

  it('are told in words when their head does not come whole', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('POST / HTTP/1.1\r\nhost: a\r\nx-slow: ');
    const drip = setInterval(() => socket.write('x'), 100);
    const answer = await text(socket);
    clearInterval(drip);
    assert.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n[^]*head did not come within 1 s/);
    socket.destroy();
  });

  it('are not awaited for ever on a connection that says nothing', async () => {
    const socket = connect(port, '127.0.0.1');
    assert.equal(await text(socket), '');
  });
});
