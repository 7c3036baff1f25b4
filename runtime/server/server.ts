/** The runtime's face to its clients: port, gate, pairing, sessions and handlers, wired together. */
import { hostname, networkInterfaces } from 'node:os';
import { VelarError } from '../protocol/errors';
import { pairRequestSchema, type Check, type RuntimeInfo } from '../protocol/methods';
import { sha256Hex } from '../protocol/bundles';
import type { RunService } from '../scheduling/service';
import type { Store } from '../store/store';
import { CallKeeping } from './callKeeping';
import { EndpointPage } from './endpointPage';
import { Endpoints } from './endpoints';
import { OWNER, type Credential, type GateRules } from './gate';
import { createDispatch } from './handlers';
import { listen, type ListenerOptions } from './listener';
import type { Logger } from './logger';
import { Pairing, type PairingCode } from './pairing';
import { Sessions, type ClientCount, type RuntimeName } from './sessions';
import type { TlsIdentity } from './tls';

export interface ServerOptions {
  host: string;
  port: number;
  /** Other names that clients may use for this runtime. */
  publicHosts: readonly string[];
  /** Whose web pages may call endpoints, as `checkOrigin` lets them through. */
  origins: readonly string[];
  /** Where the parts of the page to try a function are. */
  pageFolder: string;
  /** With it, this machine's own clients get a plain port on loopback besides. */
  tls: TlsIdentity | undefined;
  /** Lets this machine's user in over loopback. */
  ownerToken: string;
  runtime: RuntimeName;
  service: RunService;
  store: Pick<Store, 'blobs' | 'bundles' | 'deployments' | 'devices' | 'keptCalls' | 'secrets'>;
  info: () => Promise<RuntimeInfo>;
  doctor: (url: string) => Promise<Check[]>;
  /** See `runtime.release`. */
  release: () => boolean;
  logger: Logger;
  /** Who is connected, after each change. */
  onClients?: (clients: ClientCount) => void;
  graceMs?: number;
  deadlineMs?: number;
  now?: () => number;
}

export interface Server {
  /** `ws://…` or `wss://…`, for other machines where they may come. */
  readonly url: string;
  /** `ws://…`, for clients on this machine. */
  readonly localUrl: string;
  readonly port: number;
  readonly clients: ClientCount;
  /** A new one-time code; the one before it no longer counts. */
  issueCode(): PairingCode;
  /** Refuses new clients, tells those that are there, closes the port. */
  close(): Promise<void>;
}

/** Starts listening. Throws as `listen` does. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { service, store, logger, runtime } = options;
  const now = options.now ?? Date.now;
  const pairing = new Pairing(store.devices, now);
  const hosts = hostNames(options.host, options.publicHosts);
  const owner: Credential = {
    device: OWNER,
    tokenSha256: sha256Hex(options.ownerToken),
    loopbackOnly: true,
  };
  let url = '';
  const sessions = new Sessions({
    runtime,
    dispatch: createDispatch({
      service,
      store,
      info: options.info,
      doctor: () => options.doctor(url),
      release: options.release,
      revoked: (device) => {
        logger.info('Device unpaired', { device });
        sessions.revoke(device);
      },
    }),
    ...(options.graceMs === undefined ? {} : { graceMs: options.graceMs }),
    news: () => {
      const budgets = service.costs.alerts();
      return budgets.length === 0 ? [] : [{ type: 'budgets', budgets }];
    },
    onClients: (clients) => {
      watchGpus(clients.connected > 0);
      options.onClients?.(clients);
    },
  });
  let unwatchGpus: (() => void) | undefined;
  // Cards are sampled for whoever looks, so the runtime looks for its clients only.
  const watchGpus = (wanted: boolean): void => {
    if (!wanted) {
      unwatchGpus?.();
      unwatchGpus = undefined;
    } else {
      unwatchGpus ??= service.onGpus((gpus) => {
        sessions.publish({ type: 'gpus', gpus });
      });
    }
  };
  const stopFeeds = [
    service.onContainers((containers) => {
      sessions.publish({ type: 'containers', containers });
    }),
    service.deployments.onChange(() => sessions.publish({ type: 'deployments' })),
    service.costs.onAlerts((budgets) => sessions.publish({ type: 'budgets', budgets })),
    () => watchGpus(false),
  ];
  const origins = new Set(options.origins);
  const rules = (): GateRules => ({
    hosts,
    origins,
    credentials: [
      owner,
      ...store.devices
        .list()
        .map(({ id, tokenSha256 }) => ({ device: id, tokenSha256, loopbackOnly: false })),
    ],
    keys: store.deployments.keys(),
  });
  const endpoints = new Endpoints(service, new CallKeeping(store.keptCalls, now));
  const page = new EndpointPage(options.pageFolder);
  const shared = {
    rules,
    logger,
    links: {
      connect: (hello, principal, socket) => {
        const session = sessions.connect(hello, principal, socket);
        if (principal.device !== OWNER) store.devices.seen(principal.device, now());
        logger.info('Client connected', {
          client: hello.client.name,
          device: principal.device,
          resumes: hello.resume !== undefined,
        });
        return session;
      },
      dropped: (session, socket, goodbye) => {
        logger.info('Client gone', { device: session.principal.device, goodbye });
        sessions.dropped(session, socket, goodbye);
      },
    },
    pair: (body) => {
      const request = pairRequestSchema.safeParse(body);
      if (!request.success) throw new VelarError('invalid', 'Not a pairing request.');
      const { device, token } = pairing.redeem(request.data.code, request.data.deviceName);
      logger.info('Device paired', { device, name: request.data.deviceName });
      return { token, device, runtime };
    },
    page: (response) => page.send(response),
    endpoint: (request, response, environment) => endpoints.answer(request, response, environment),
    ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
  } satisfies Partial<ListenerOptions>;
  const { host, port, tls } = options;
  const listener = await listen({ ...shared, host, port, tls });
  const local =
    tls === undefined
      ? listener
      : await listen({ ...shared, host: '127.0.0.1', port: 0, tls: undefined });
  url = `${tls === undefined ? 'ws' : 'wss'}://${dialHost(host)}:${String(listener.port)}`;
  return {
    url,
    localUrl: tls === undefined ? url : `ws://127.0.0.1:${String(local.port)}`,
    port: listener.port,
    get clients() {
      return sessions.clients;
    },
    issueCode: () => pairing.issue(),
    close: async () => {
      for (const stop of stopFeeds) stop();
      sessions.endAll(new VelarError('session-lost', 'The runtime is stopping.'));
      await listener.close();
      if (local !== listener) await local.close();
    },
  };
}

/** Names that a Host header may give, lower case: loopback, the bound address, and what the owner added. */
export function hostNames(host: string, publicHosts: readonly string[]): ReadonlySet<string> {
  const names = ['localhost', '127.0.0.1', '[::1]', bracketed(host), ...publicHosts.map(bracketed)];
  if (isWildcard(host)) {
    names.push(hostname());
    for (const addresses of Object.values(networkInterfaces())) {
      for (const { address } of addresses ?? []) names.push(bracketed(address));
    }
  }
  return new Set(names.map((name) => name.toLowerCase()));
}

/** True for addresses that only this machine reaches. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** What others dial: a server on all addresses is best named by one that other machines know. */
function dialHost(host: string): string {
  if (!isWildcard(host)) return bracketed(host);
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outside = addresses.find(({ internal, family }) => !internal && family === 'IPv4');
  return outside?.address ?? (host === '::' ? '[::1]' : '127.0.0.1');
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
