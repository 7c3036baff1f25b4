import * as assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { sha256Hex } from '../../runtime/protocol/bundles';
import { VelarError } from '../../runtime/protocol/errors';
import type { RunEvent } from '../../runtime/protocol/events';
import type { FileEntry } from '../../runtime/protocol/methods';
import type { ClientConnection, RunHandle, RunRequest } from '../../src/client/api';
import { BundleUploader, type BundleContent } from '../../src/client/bundleUpload';
import { connect } from '../../src/client/connection';
import { startRun, type Bundler } from '../../src/client/runs';
import { Harness, OWNER_TOKEN } from '../runtime/server/harness';
import { TcpProxy } from '../support/tcpProxy';

const CLIENT = { name: 'test', version: '0' };
const REQUEST: RunRequest = {
  root: '/nowhere',
  file: 'app.py',
  qualname: 'f',
  kind: 'function',
  arguments: { args: [], kwargs: {} },
  cpu: false,
};

function contentOf(files: Record<string, Buffer>): BundleContent {
  return {
    files: Object.entries(files).map(([path, bytes]) => ({
      path,
      sha256: sha256Hex(bytes),
      size: bytes.byteLength,
      mode: 0o644,
    })),
    read: ({ path }: FileEntry) => Promise.resolve(files[path] ?? Buffer.alloc(0)),
  };
}

const bundler: Bundler = {
  build: () => Promise.resolve(contentOf({ 'app.py': Buffer.from('print(1)\n') })),
};

/** Waits until something becomes true that a listener is told about. */
function whenState(connection: ClientConnection, kind: string): Promise<void> {
  if (connection.state.kind === kind) return Promise.resolve();
  return new Promise((resolve) => {
    const undo = connection.onState((state) => {
      if (state.kind !== kind) return;
      undo();
      resolve();
    });
  });
}

interface Watched {
  lines: string[];
  events: RunEvent[];
  /** Resolves once so many lines have come. */
  upTo(count: number): Promise<void>;
}

function watchRun(handle: RunHandle): Watched {
  const lines: string[] = [];
  const events: RunEvent[] = [];
  let wake = (): void => undefined;
  handle.onLog((batch) => {
    lines.push(...batch.map(({ text }) => text));
    wake();
  });
  handle.onEvents((batch) => events.push(...batch));
  return {
    lines,
    events,
    async upTo(count) {
      while (lines.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `line ${String(index + 1)}`);
}

describe('a connection to a runtime', () => {
  let harness: Harness;
  let proxy: TcpProxy;
  let connection: ClientConnection;

  async function open(graceMs?: number, giveUpAfterMs?: number): Promise<void> {
    harness = await Harness.start(graceMs === undefined ? {} : { graceMs });
    proxy = await TcpProxy.start(harness.server.port);
    connection = await connect(
      { url: `ws://127.0.0.1:${String(proxy.port)}`, token: OWNER_TOKEN },
      { client: CLIENT, ...(giveUpAfterMs === undefined ? {} : { giveUpAfterMs }) },
    );
  }

  afterEach(async () => {
    await connection.close();
    await proxy.stop();
    await harness.stop();
  });

  it('loses and repeats no line when its socket breaks again and again', async () => {
    await open();
    const handle = startRun(connection, bundler, REQUEST);
    const watched = watchRun(handle);
    const started = new Promise<void>((resolve) => {
      harness.service.onStart = () => {
        resolve();
      };
    });
    await started;
    let printed = 0;
    for (let round = 0; round < 5; round += 1) {
      for (let batch = 0; batch < 40; batch += 1) {
        let text = '';
        for (let count = 0; count < 100; count += 1) text += `line ${String(++printed)}\n`;
        harness.service.print(handle.run, text);
      }
      await watched.upTo(printed - 3_900);
      proxy.cut();
      await whenState(connection, 'reconnecting');
      await whenState(connection, 'connected');
    }
    harness.service.succeed(handle.run, printed);
    const record = await handle.ended;
    assert.deepEqual(watched.lines, numbered(20_000));
    assert.equal(record.status, 'succeeded');
    assert.deepEqual(record.result, { value: 20_000 });
    assert.deepEqual(
      watched.events.map(({ type }) => type),
      ['result', 'ended'],
    );
    assert.equal(proxy.accepted, 6);
  });

  it('goes on from the last line when even its session is lost', async () => {
    await open(1);
    const handle = startRun(connection, bundler, REQUEST);
    const watched = watchRun(handle);
    await new Promise<void>((resolve) => {
      harness.service.onStart = () => {
        resolve();
      };
    });
    harness.service.emit(handle.run, {
      type: 'phase',
      at: 1,
      phase: 'queued',
      status: 'done',
      ms: 1,
    });
    harness.service.print(handle.run, 'line 1\nline 2\n');
    await watched.upTo(2);
    const renewed = new Promise<void>((resolve) => {
      connection.onNewSession(resolve);
    });
    proxy.refuse(true);
    await whenState(connection, 'reconnecting');
    harness.service.print(handle.run, 'line 3\n');
    proxy.refuse(false);
    await renewed;
    harness.service.print(handle.run, 'line 4\n');
    harness.service.succeed(handle.run, 'ok');
    const record = await handle.ended;
    assert.deepEqual(watched.lines, numbered(4));
    assert.deepEqual(
      watched.events.map(({ type }) => type),
      ['phase', 'result', 'ended'],
    );
    assert.equal(record.phases[0]?.status, 'done');
  });

  it('fails the run and says so when the runtime stays away', async () => {
    await open(undefined, 300);
    const handle = startRun(connection, bundler, REQUEST);
    await new Promise<void>((resolve) => {
      harness.service.onStart = () => {
        resolve();
      };
    });
    proxy.refuse(true);
    await assert.rejects(handle.ended, { code: 'unreachable' });
    assert.equal(handle.record.status, 'failed');
    assert.equal(handle.record.error?.kind, 'infrastructure');
    assert.equal(connection.state.kind, 'closed');
    await assert.rejects(connection.request('run.list', { limit: 1 }), { code: 'unreachable' });
  });

  it('slows a run’s output down to the pace of its reader', async () => {
    await open();
    const handle = startRun(connection, bundler, REQUEST);
    let release: (() => void) | undefined;
    let received = 0;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    handle.onOutput((chunk) => {
      received += chunk.bytes.byteLength;
      return held;
    });
    await new Promise<void>((resolve) => {
      harness.service.onStart = () => {
        resolve();
      };
    });
    const kibibytes = 8 * 1024;
    for (let count = 0; count < kibibytes; count += 32) {
      harness.service.print(handle.run, `${'x'.repeat(1023)}\n`.repeat(32));
    }
    harness.service.succeed(handle.run, 'ok');
    // Whatever was under way has arrived once a later request is answered.
    await connection.request('run.list', { limit: 1 });
    assert.ok(received < 2 * 1024 * 1024, `${String(received)} bytes were taken`);
    assert.equal(handle.record.status, 'active');
    release?.();
    await handle.ended;
    assert.equal(received, kibibytes * 1024);
  });

  it('cancels a run that has not started without asking the runtime', async () => {
    await open();
    const stuck: Bundler = {
      build: (_root, _file, _overlay, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(new VelarError('cancelled', 'Cancelled.'));
          });
        }),
    };
    const handle = startRun(connection, stuck, REQUEST);
    await handle.cancel();
    const record = await handle.ended;
    assert.equal(record.status, 'cancelled');
    assert.equal(harness.service.runs.size, 0);
  });

  it('gives up waiting when it is told to', async () => {
    await open();
    const controller = new AbortController();
    const asked = connection.request('run.list', { limit: 1 }, controller.signal);
    controller.abort();
    await assert.rejects(asked, { code: 'cancelled' });
    assert.deepEqual(await connection.request('run.list', { limit: 1 }), { runs: [] });
  });

  it('passes on what the runtime refuses, with the next step', async () => {
    await open();
    await assert.rejects(connection.request('container.stop', { container: 'none' }), {
      code: 'not-found',
      message: /none/,
    });
  });
});

describe('connecting', () => {
  it('to nothing says that nothing listens there', async () => {
    const proxy = await TcpProxy.start(1);
    const { port } = proxy;
    await proxy.stop();
    const url = `ws://127.0.0.1:${String(port)}`;
    await assert.rejects(connect({ url, token: 'x' }, { client: CLIENT }), (error) => {
      assert.ok(error instanceof VelarError);
      assert.equal(error.code, 'unreachable');
      assert.match(error.message, /nothing listens there/);
      assert.ok(error.hint);
      return true;
    });
  });

  it('with a wrong token is refused, once', async () => {
    const harness = await Harness.start();
    try {
      const { url } = harness.server;
      await assert.rejects(connect({ url, token: 'wrong' }, { client: CLIENT }), {
        code: 'unauthorised',
      });
    } finally {
      await harness.stop();
    }
  });

  it('can be given up', async () => {
    const signal = AbortSignal.abort();
    const address = { url: 'ws://127.0.0.1:9', token: 'x' };
    await assert.rejects(connect(address, { client: CLIENT, signal }), { code: 'cancelled' });
  });
});

describe('sending bundles', () => {
  const signal = new AbortController().signal;
  let harness: Harness;
  let proxy: TcpProxy;
  let connection: ClientConnection;
  let asked: string[];
  /** The runtime answers as one that lost its bundles. */
  let forgetful = false;
  let uploader: BundleUploader;

  beforeEach(async () => {
    harness = await Harness.start();
    proxy = await TcpProxy.start(harness.server.port);
    connection = await connect(
      { url: `ws://127.0.0.1:${String(proxy.port)}`, token: OWNER_TOKEN },
      { client: CLIENT },
    );
    asked = [];
    forgetful = false;
    uploader = new BundleUploader(
      new Proxy(connection, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== 'function') return value;
          return (...given: unknown[]) => {
            if (name === 'request') asked.push(String(given[0]));
            if (forgetful && JSON.stringify(given[1] ?? null).includes('"base"')) {
              return Promise.reject(new VelarError('bundle-base-unknown', 'Gone.'));
            }
            return Reflect.apply(value, target, given) as unknown;
          };
        },
      }),
    );
  });

  afterEach(async () => {
    await connection.close();
    await proxy.stop();
    await harness.stop();
  });

  function workspace(files: number): Record<string, Buffer> {
    return Object.fromEntries(
      Array.from({ length: files }, (_, index) => [`m${String(index)}.py`, randomBytes(1024)]),
    );
  }

  async function stored(content: BundleContent): Promise<boolean> {
    const id = await uploader.send('/w', content, signal);
    return harness.store.bundles.missing(id).length === 0;
  }

  it('sends everything that the runtime lacks', async () => {
    assert.ok(await stored(contentOf(workspace(300))));
    assert.deepEqual(asked, ['bundle.offer', 'bundle.upload']);
  });

  it('sends one changed file in one round trip, and little more than its bytes', async () => {
    const files = workspace(300);
    await stored(contentOf(files));
    asked.length = 0;
    const before = proxy.clientBytes;
    files['m7.py'] = randomBytes(1024);
    delete files['m8.py'];
    assert.ok(await stored(contentOf(files)));
    assert.deepEqual(asked, ['bundle.offer']);
    assert.ok(proxy.clientBytes - before < 2048, `${String(proxy.clientBytes - before)} bytes`);
  });

  it('asks for nothing when nothing has changed', async () => {
    const content = contentOf(workspace(3));
    await stored(content);
    asked.length = 0;
    await stored(content);
    assert.deepEqual(asked, []);
  });

  it('sends a large file at the pace that the runtime takes it', async () => {
    assert.ok(await stored(contentOf({ 'weights.bin': randomBytes(5 * 1024 * 1024) })));
  });

  it('starts over with all files when the runtime has forgotten the last bundle', async () => {
    const files = workspace(20);
    await stored(contentOf(files));
    forgetful = true;
    asked.length = 0;
    files['m1.py'] = randomBytes(10);
    assert.ok(await stored(contentOf(files)));
    assert.deepEqual(asked.slice(0, 2), ['bundle.offer', 'bundle.offer']);
  });

  it('says that a file changed under its hands, and goes on working', async () => {
    const content = contentOf({ 'a.py': Buffer.from('one') });
    const shrunk: BundleContent = { ...content, read: () => Promise.resolve(Buffer.from('on')) };
    await assert.rejects(uploader.send('/w', shrunk, signal), { code: 'bundle-changed' });
    assert.ok(await stored(content));
  });
});
