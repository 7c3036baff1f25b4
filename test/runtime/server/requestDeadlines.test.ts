/** How long a request may take to come in, on real sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as after } from 'node:timers/promises';
import { readJson, sendJson } from '../../../runtime/server/http';
import { RequestDeadlines } from '../../../runtime/server/requestDeadlines';

const DEADLINE_MS = 1000;
const IDLE_MS = 500;

describe('requests that take their time', function () {
  this.timeout(30_000);
  let server: Server;
  let port: number;
  beforeEach(async () => {
    const deadlines = new RequestDeadlines(DEADLINE_MS, IDLE_MS);
    server = createServer({ connectionsCheckingInterval: 2 ** 31 - 1 }, (asked, response) => {
      deadlines.began(asked, response);
      if (asked.url === '/unread') {
        sendJson(response, 404, 'nothing');
        return;
      }
      const [, ms] = /^\/after\/(\d+)/.exec(asked.url ?? '') ?? [];
      if (ms !== undefined) {
        asked.resume();
        setTimeout(() => sendJson(response, 200, `after ${ms}`), Number(ms));
        return;
      }
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

  const head = (path: string, length: number): string =>
    `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`;
  /** Resolves with what came once `pattern` is in it; rejects when the connection ends before. */
  const reads = (socket: Socket, pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      let all = '';
      socket.on('data', (part: Buffer) => {
        all += part.toString();
        if (pattern.test(all)) resolve(all);
      });
      socket.once('error', reject);
      socket.once('close', () => reject(new Error(`It was closed after: ${all}`)));
    });

  it('keep their connection while an answer takes long, though one before has been sent', async () => {
    const socket = connect(port, '127.0.0.1');
    const ms = 3 * DEADLINE_MS;
    socket.write(`${head('/after/200', 3)}"a"${head(`/after/${ms}`, 3)}"b"`);
    assert.match(await reads(socket, new RegExp(`after ${ms}`)), /after 200/);
    socket.destroy();
  });

  it('are answered when they came in time, though nobody looked until later', async () => {
    const socket = connect(port, '127.0.0.1');
    const first = reads(socket, /\r\n\r\n1$/);
    socket.write(`${head('/', 3)}"a"`);
    await first;
    const second = reads(socket, /\r\n\r\n2$/);
    socket.write(`${head('/', 4)}"bc"`);
    // The whole process stands still, as on a busy machine.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * IDLE_MS);
    await second;
    socket.destroy();
  });

  it('may end coming after their answer, and others follow; an idle connection is closed', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write(`${head('/unread', 3)}"a`);
    await reads(socket, /nothing/);
    socket.write(`"${head('/', 4)}"bc"`);
    await reads(socket, /\r\n\r\n2$/);
    await once(socket, 'close');
  });
});
