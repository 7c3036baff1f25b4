/** A server on a free loopback port with a real store and a fake scheduling, and its clients. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../runtime/server/logger';
import { startServer, type Server, type ServerOptions } from '../../../runtime/server/server';
import { openStore, type Store } from '../../../runtime/store/store';
import { FakeRunService } from './fakeRunService';
import { LinkClient, type LinkClientOptions } from './linkClient';

export const OWNER_TOKEN = 'owner-token-of-the-test';
export const BUNDLE = 'a'.repeat(64);

export class Harness {
  private readonly clients: LinkClient[] = [];

  private constructor(
    readonly home: string,
    readonly store: Store,
    readonly service: FakeRunService,
    readonly server: Server,
  ) {}

  static async start(options: Partial<ServerOptions> = {}): Promise<Harness> {
    const home = mkdtempSync(join(tmpdir(), 'velar-server-'));
    const store = openStore(home, (error) => {
      throw error;
    });
    const service = new FakeRunService(join(home, 'runs'));
    const server = await startServer({
      host: '127.0.0.1',
      port: 0,
      publicHosts: [],
      origins: [],
      pageFolder: '',
      tls: undefined,
      ownerToken: OWNER_TOKEN,
      runtime: { id: 'rt-test', name: 'test', version: '0' },
      service,
      store,
      info: () => Promise.reject(new Error('not in this test')),
      doctor: () => Promise.resolve([]),
      release: () => false,
      logger: silentLogger,
      ...options,
    });
    return new Harness(home, store, service, server);
  }

  client(options: LinkClientOptions & { token?: string; url?: string } = {}): LinkClient {
    const { token = OWNER_TOKEN, url = this.server.url, ...rest } = options;
    const client = new LinkClient(url, token, rest);
    this.clients.push(client);
    return client;
  }

  async connected(options: LinkClientOptions & { token?: string } = {}): Promise<LinkClient> {
    const client = this.client(options);
    await client.connect();
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.drop();
    await this.server.close();
    await this.service.dispose();
    this.store.close();
    rmSync(this.home, { recursive: true, force: true });
  }
}

let runs = 0;

/** Parameters of a start; each has a run id of its own. */
export function startParams() {
  runs += 1;
  return {
    run: `run-${String(runs).padStart(12, '0')}`,
    bundle: BUNDLE,
    file: 'app.py',
    qualname: 'f',
    kind: 'function' as const,
    arguments: { args: [], kwargs: {} },
    cpu: false,
  };
}
