/** A runtime with a real client on real sockets, to debug with. */
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DebugpyPackages } from '../../runtime/debugging/debugpyPackages';
import type { MethodParams } from '../../runtime/protocol/methods';
import { silentLogger } from '../../runtime/server/logger';
import { startServer, type Server } from '../../runtime/server/server';
import type { ClientConnection, RunHandle } from '../../src/client/api';
import { connect } from '../../src/client/connection';
import { openDebugChannel } from '../../src/client/debugChannel';
import { newRunId } from '../../runtime/protocol/runIds';
import { attachRun } from '../../src/client/runs';
import { Harness, python, type HarnessOptions } from '../runtime/scheduling/harness';
import { DapClient } from './dapClient';
import { skipBecause } from './skip';
import { TcpProxy } from './tcpProxy';

/** Fetched once and kept from one run of the tests to the next. */
const SHARED = join(process.cwd(), '.build', 'debugpy');

/**
 * A harness whose home has debugpy already, so that no test waits for an index; skips the tests where it can't be
 * had on this machine.
 */
export async function openWithDebugpy(
  context: Mocha.Context,
  open: (options: HarnessOptions) => Promise<Harness> = (options) => Harness.open(options),
  /** Of the containers' Python; this machine's where it is not given. */
  version?: string,
): Promise<Harness> {
  const place = { folder: SHARED, inside: SHARED };
  const packages = new DebugpyPackages({ place, python, environment: process.env });
  const got = await packages.bring(version ?? (await python()).version, null);
  if ('error' in got) {
    return skipBecause(context, `debugpy can't be had here: ${got.error.message}`);
  }
  const home = await mkdtemp(join(tmpdir(), 'velar-debug-'));
  await cp(SHARED, join(home, 'debugpy'), { recursive: true });
  return open({ home });
}

type Value = string | number | boolean | null;
type Start = Partial<MethodParams<'run.start'>> & { qualname: string };

export class DebugRuntime {
  private constructor(
    readonly harness: Harness,
    private readonly server: Server,
    readonly proxy: TcpProxy,
    readonly connection: ClientConnection,
  ) {}

  /** `graceMs`: how long a session outlives its socket. */
  static async start(harness: Harness, graceMs?: number): Promise<DebugRuntime> {
    const token = randomBytes(16).toString('hex');
    const server = await startServer({
      host: '127.0.0.1',
      port: 0,
      publicHosts: [],
      origins: [],
      pageFolder: '',
      tls: undefined,
      ownerToken: token,
      runtime: { id: 'rt-test', name: 'test', version: '0' },
      service: harness.service,
      store: harness.store,
      info: () => Promise.reject(new Error('not in this test')),
      doctor: () => Promise.resolve([]),
      release: () => false,
      logger: silentLogger,
      ...(graceMs === undefined ? {} : { graceMs }),
    });
    const proxy = await TcpProxy.start(server.port);
    const connection = await connect(
      { url: `ws://127.0.0.1:${String(proxy.port)}`, token },
      { client: { name: 'test', version: '0' } },
    );
    return new DebugRuntime(harness, server, proxy, connection);
  }

  async close(): Promise<void> {
    await this.connection.close();
    await this.proxy.stop();
    await this.server.close();
    await this.harness.close();
  }

  /** Starts a run and follows it; a debug run unless `start` says otherwise. */
  async start(
    files: Record<string, string>,
    start: Start,
    args: readonly Value[] = [],
  ): Promise<RunHandle> {
    const run = newRunId();
    await this.connection.request('run.start', {
      run,
      bundle: await this.harness.bundle(files),
      file: 'app.py',
      kind: 'function',
      arguments: { args: args.map((json) => ({ json })), kwargs: {} },
      cpu: false,
      debug: true,
      ...start,
    });
    return attachRun(this.connection, run);
  }

  /** The client of a new channel of the run, which has to be waiting or beyond. */
  async channel(run: string): Promise<DapClient> {
    const stream = await openDebugChannel(this.connection, run);
    return new DapClient({
      write: (bytes) => {
        stream.write(bytes).catch(() => undefined);
      },
      onBytes: (reader) => {
        stream.onPayload(reader);
        stream.onLost(() => {
          reader(null);
        });
      },
    });
  }
}
