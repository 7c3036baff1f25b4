import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { VelarError } from '../../../runtime/protocol/errors';
import { INITIAL_WINDOW_BYTES } from '../../../runtime/protocol/flow';
import { Harness, OWNER_TOKEN, startParams } from './harness';

describe('link', () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.start();
  });
  afterEach(() => harness.stop());

  it('welcomes a client that has the token', async () => {
    const client = harness.client();
    const welcome = await client.connect();
    assert.equal(welcome.resumed, false);
    assert.deepEqual(welcome.runtime, { id: 'rt-test', name: 'test', version: '0' });
    assert.ok(welcome.capabilities.includes('resume'));
    assert.equal(harness.server.clients.connected, 1);
  });

  it('refuses a client of another protocol version and says which side is old', async () => {
    const client = harness.client({ protocol: 99 });
    await assert.rejects(client.connect(), (error: VelarError) => {
      assert.equal(error.code, 'version');
      assert.match(error.hint ?? '', /runtime/);
      return true;
    });
  });

  it('refuses a wrong token, a web page and a foreign Host before the upgrade', async () => {
    await assert.rejects(harness.client({ token: 'wrong' }).connect(), /HTTP 401/);
    const origin = { headers: { origin: 'http://127.0.0.1' } };
    await assert.rejects(harness.client(origin).connect(), /HTTP 403/);
    const host = { headers: { host: 'evil.example' } };
    await assert.rejects(harness.client(host).connect(), /HTTP 403/);
  });

  it('answers plain HTTP with the same gate', async () => {
    const status = (path: string, headers: Record<string, string>): Promise<number> =>
      new Promise((resolve, reject) => {
        const { port } = harness.server;
        httpRequest({ host: '127.0.0.1', port, path, headers }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        })
          .on('error', reject)
          .end();
      });
    const authorization = `Bearer ${OWNER_TOKEN}`;
    assert.equal(await status('/', {}), 401);
    assert.equal(await status('/', { authorization }), 404);
    assert.equal(await status('/v1/link', { authorization }), 426);
    assert.equal(await status('/v1/link', { authorization, origin: 'null' }), 403);
    assert.equal(await status('/v1/pair', {}), 405);
  });

  it('closes a connection that sends its request in drips', async () => {
    await harness.stop();
    harness = await Harness.start({ deadlineMs: 100 });
    const socket = connect(harness.server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const drip = setInterval(() => socket.write('x'), 20);
    socket.write('GET / HTTP/1.1\r\nx-slow: ');
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(drip);
  });

  it('ends a session whose client sends no protocol', async () => {
    for (const frame of ['{', '{"seq":5,"ack":0,"body":{}}', '{"seq":1,"ack":7,"body":{}}']) {
      const client = await harness.connected();
      const closed = client.closed();
      client.sendRaw(frame);
      await closed;
      assert.equal(client.refusal?.code, 'protocol', frame);
    }
    assert.deepEqual(harness.server.clients, { connected: 0, expected: 0 });
  });

  it('names the parameter that does not fit', async () => {
    const client = await harness.connected();
    await assert.rejects(client.rawRequest('run.cancel', { run: 'x' }), (error: VelarError) => {
      assert.equal(error.code, 'invalid');
      assert.match(error.message, /run/);
      return true;
    });
    await assert.rejects(client.request('container.stop', { container: 'none' }), {
      code: 'not-found',
    });
  });

  it('sends a result only after all lines printed before it, in the order they came', async () => {
    const client = await harness.connected();
    const params = startParams();
    harness.service.onStart = (run) => {
      for (let line = 1; line <= 500; line += 1)
        harness.service.print(run, `line ${String(line)}\n`);
      harness.service.succeed(run, 42);
    };
    const { logStream } = await client.request('run.start', params);
    await client.until(() => client.ended(params.run));
    const lines = client.lines();
    assert.deepEqual(
      lines.map(({ text }) => text),
      Array.from({ length: 500 }, (_, index) => `line ${String(index + 1)}`),
    );
    const firstEvent = client.seen.findIndex(({ kind }) => kind === 'event');
    const lastLine = client.seen.findLastIndex(({ kind }) => kind === 'line');
    assert.ok(firstEvent > lastLine, 'the result came before a line');
    await client.until(() => client.seen.some(({ kind }) => kind === 'stream-end'));
    assert.ok(client.seen.some((item) => item.kind === 'stream-end' && item.stream === logStream));
  });

  it('joins events that arise together in one message', async () => {
    const client = await harness.connected();
    const params = startParams();
    await client.request('run.start', params);
    const phase = (name: 'queued' | 'image') =>
      ({ type: 'phase', at: 1, phase: name, status: 'done', ms: 1 }) as const;
    harness.service.emit(params.run, phase('queued'));
    harness.service.emit(params.run, phase('image'));
    harness.service.succeed(params.run, 1);
    await client.until(() => client.ended(params.run));
    const messages = client.messages.filter(({ type }) => type === 'run');
    assert.equal(client.events(params.run).length, 4);
    assert.ok(messages.length <= 2, `${String(messages.length)} messages`);
  });

  it('lets a client attach later, from a line on', async () => {
    const params = startParams();
    const first = await harness.connected();
    await first.request('run.start', params);
    harness.service.print(params.run, 'one\ntwo\nthree\n');
    harness.service.succeed(params.run, 1);
    const second = await harness.connected();
    const { summary } = await second.request('run.attach', { run: params.run, afterSeq: 1 });
    assert.equal(summary.run, params.run);
    await second.until(() => second.ended(params.run));
    assert.deepEqual(
      second.lines().map(({ seq, text }) => [seq, text]),
      [
        [2, 'two'],
        [3, 'three'],
      ],
    );
  });

  it('keeps other clients going while one does not read, and loses none of its lines', async () => {
    const slow = await harness.connected();
    const quick = await harness.connected();
    const params = startParams();
    await slow.request('run.start', params);
    await quick.request('run.attach', { run: params.run, afterSeq: 0 });
    slow.pause();
    const line = `${'x'.repeat(1000)}\n`;
    const count = 20_000;
    for (let printed = 0; printed < count; printed += 100) {
      harness.service.print(params.run, line.repeat(100));
    }
    harness.service.succeed(params.run, 1);
    await quick.until(() => quick.ended(params.run));
    assert.equal(quick.lines().length, count);
    assert.ok(slow.lines().length < count);
    slow.resume();
    await slow.until(() => slow.ended(params.run));
    const numbers = slow.lines().map(({ seq }) => seq);
    assert.deepEqual(
      numbers,
      Array.from({ length: count }, (_, index) => index + 1),
    );
  });

  it('sends no more on a stream than the client granted', async () => {
    const client = await harness.connected({ stingy: true });
    const params = startParams();
    const { logStream } = await client.request('run.start', params);
    const chunk = `${'y'.repeat(999)}\n`.repeat(60);
    for (let index = 0; index < 100; index += 1) harness.service.print(params.run, chunk);
    harness.service.succeed(params.run, 1);
    // Anything answered now was handled behind the log.
    await client.request('run.list', { limit: 1 });
    const bytes = (client.payloads.get(logStream) ?? []).reduce(
      (sum, { length }) => sum + length,
      0,
    );
    assert.ok(bytes <= INITIAL_WINDOW_BYTES && bytes > INITIAL_WINDOW_BYTES / 2, String(bytes));
    assert.equal(client.ended(params.run), false);
    client.grant(logStream, 64 * 1024 * 1024);
    // Its own window is spent by now, so only the runtime's side is looked at.
    await client.until(() => client.ended(params.run));
  });

  it('ends the session of a client that sends without credit', async () => {
    const client = await harness.connected();
    const params = startParams();
    await client.request('run.start', params);
    const [callerStream, outputStream] = [client.openStream(), client.openStream()];
    await client.request('run.openCaller', { run: params.run, callerStream, outputStream });
    const closed = client.closed();
    client.sendData(callerStream, Buffer.alloc(4 * INITIAL_WINDOW_BYTES));
    await closed;
    assert.equal(client.refusal?.code, 'protocol');
  });

  it('carries caller frames both ways under credit, payload by payload', async () => {
    const client = await harness.connected();
    const params = startParams();
    await client.request('run.start', params);
    const [callerStream, outputStream] = [client.openStream(), client.openStream()];
    await client.request('run.openCaller', { run: params.run, callerStream, outputStream });
    const opened = harness.service.callers.get(params.run);
    assert.ok(opened !== undefined);
    client.sendFrame(outputStream, Buffer.from('\x01one'), false);
    client.sendFrame(outputStream, Buffer.from('\x02two'), false);
    client.sendFrame(outputStream, new Uint8Array(0), true);
    const chunks: string[] = [];
    for await (const chunk of opened.output) chunks.push(String(chunk));
    assert.deepEqual(chunks, ['\x01one', '\x02two']);

    const big = Buffer.alloc(5 * INITIAL_WINDOW_BYTES, 7);
    opened.caller.write(big);
    opened.caller.end();
    await client.until(() =>
      client.seen.some((item) => item.kind === 'stream-end' && item.stream === callerStream),
    );
    const got = Buffer.concat(client.payloads.get(callerStream) ?? []);
    assert.ok(got.equals(big));
  });

  it('sends the newest containers only', async () => {
    const client = await harness.connected();
    const container = (idleUntil: number) => ({
      container: 'c1',
      app: 'a',
      image: 'i',
      engine: 'process',
      state: 'idle' as const,
      gpu: null,
      pid: 1,
      startedAt: 1,
      idleUntil,
      memoryBytes: null,
      runs: [],
    });
    for (let index = 1; index <= 100; index += 1)
      harness.service.changeContainers([container(index)]);
    await client.until(() => client.messages.some(({ type }) => type === 'containers'));
    const sent = client.messages.filter(({ type }) => type === 'containers');
    assert.equal(sent.length, 1);
    assert.deepEqual(sent[0], { type: 'containers', containers: [container(100)] });
  });
});
