/** The one connection of this window: to the selected runtime, or to that of this machine, started on first use. */
import * as vscode from 'vscode';
import { VelarError } from '../../../runtime/protocol/errors';
import type { RuntimeInfo } from '../../../runtime/protocol/methods';
import type { ClientConnection, ConnectionState, RuntimeAddress } from '../../client/api';
import { connect } from '../../client/connection';
import { ensureEmbeddedRuntime } from '../../client/embedded';
import { velarHome } from '../../client/home';
import type { RuntimeEntry, RuntimeList } from '../../client/runtimes';
import { requireTrust } from '../errors';
import { engine, pythonPath } from '../settings';
import { LOCAL_RUNTIME_NAME, type RuntimeModel } from './runtimeModel';

/** A runtime that does not answer for this long is forgotten without being told. */
const REVOKE_TIMEOUT_MS = 5000;

export interface RuntimeManagerOptions {
  /** Absolute path of dist/runtime.js. */
  readonly runtimeScript: string;
  /** Version of the extension, told to the runtime. */
  readonly version: string;
  readonly log: vscode.LogOutputChannel;
}

export interface Link {
  /** As the person knows the runtime. */
  readonly name: string;
  readonly address: RuntimeAddress;
  readonly connection: ClientConnection;
  readonly info: RuntimeInfo;
}

export class RuntimeManager implements vscode.Disposable {
  private link: Promise<Link> | undefined;
  private linkAbort = new AbortController();
  private readonly opened = new vscode.EventEmitter<Link>();
  /** A connection has been made. */
  readonly onDidConnect = this.opened.event;

  constructor(
    private readonly list: RuntimeList,
    private readonly model: RuntimeModel,
    private readonly options: RuntimeManagerOptions,
  ) {}

  /**
   * The connection, made when there is none. `signal` gives up waiting, not the attempt, which others
   * may wait for. Throws VelarError `untrusted`, `unreachable`, `unauthorised`, `version`, `cancelled`.
   */
  async connected(signal?: AbortSignal): Promise<Link> {
    requireTrust('Connecting to a runtime');
    this.link ??= this.open();
    return abortable(this.link, signal);
  }

  /** The connection that is there now, without making one. */
  async existing(): Promise<Link | undefined> {
    return this.link;
  }

  /** Sends what follows to another runtime; undefined means that of this machine. */
  async select(nameOrId: string | undefined): Promise<void> {
    await this.list.select(nameOrId);
    await this.disconnect();
    await this.showSelection();
  }

  /** Shows the name of the selected runtime while there is no connection. */
  async showSelection(): Promise<void> {
    const entry = await this.list.selected();
    this.model.update({
      name: entry?.name ?? LOCAL_RUNTIME_NAME,
      state: 'off',
      message: null,
      gpus: [],
      gpuNote: null,
    });
    this.model.setContainers([]);
    this.model.setDeployments([], '');
  }

  /** Has a paired runtime revoke our token. False when it could not be told, for whatever reason. */
  async revoke(entry: RuntimeEntry): Promise<boolean> {
    const signal = AbortSignal.timeout(REVOKE_TIMEOUT_MS);
    try {
      const connection = await connect(await this.list.address(entry.id), {
        client: this.client,
        signal,
      });
      try {
        await connection.request('device.revoke', {}, signal);
      } finally {
        await connection.close();
      }
      return true;
    } catch (error) {
      this.options.log.warn(`${entry.name} was not told: ${VelarError.from(error).message}`);
      return false;
    }
  }

  async disconnect(): Promise<void> {
    const { link } = this;
    this.link = undefined;
    this.linkAbort.abort();
    this.linkAbort = new AbortController();
    if (link === undefined) return;
    const open = await link.catch(() => undefined);
    await open?.connection.close();
  }

  /** Closes the connection; a runtime of this machine ends when its last client has left. */
  dispose(): void {
    this.opened.dispose();
    void this.disconnect();
  }

  private get client(): { name: string; version: string } {
    return { name: vscode.env.appName, version: this.options.version };
  }

  private async open(): Promise<Link> {
    const { signal } = this.linkAbort;
    const entry = await this.list.selected();
    const name = entry?.name ?? LOCAL_RUNTIME_NAME;
    this.model.update({ name, state: 'starting', message: null, gpus: [], gpuNote: null });
    try {
      const address =
        entry === undefined ? await this.startLocal(signal) : await this.list.address(entry.id);
      const connection = await connect(address, {
        client: this.client,
        signal,
      });
      const link = await this.greet(name, address, connection, signal);
      this.options.log.info(`Connected to ${name} at ${address.url}`);
      this.model.update({
        state: 'connected',
        message: null,
        gpus: link.info.gpus,
        gpuNote: link.info.gpuNote,
      });
      this.opened.fire(link);
      return link;
    } catch (error) {
      const known = VelarError.from(error, 'unreachable');
      if (!signal.aborted) {
        this.link = undefined;
        this.model.update({
          state: known.code === 'cancelled' ? 'off' : 'failed',
          message: [known.message, known.hint ?? ''].join(' ').trim(),
        });
      }
      throw known;
    }
  }

  private async startLocal(signal: AbortSignal): Promise<RuntimeAddress> {
    return vscode.window.withProgress(
      { location: vscode.ProgressLocation.Window, title: 'Velar: starting the runtime' },
      async () => {
        const address = await ensureEmbeddedRuntime({
          home: velarHome(),
          python: pythonPath(),
          engine: engine(),
          runtimeScript: this.options.runtimeScript,
          execPath: process.execPath,
          signal,
        });
        this.options.log.info(
          `${address.started ? 'Started' : 'Joined'} the runtime of this machine (process ${String(address.pid)})`,
        );
        return address;
      },
    );
  }

  private async greet(
    name: string,
    address: RuntimeAddress,
    connection: ClientConnection,
    signal: AbortSignal,
  ): Promise<Link> {
    const { url } = address;
    try {
      connection.onState((state) => this.followed(connection, state));
      let told = false;
      connection.onContainers((containers) => {
        told = true;
        this.model.setContainers(containers);
      });
      connection.onGpus((gpus) => this.model.update({ gpus }));
      let listed = false;
      const listAgain = (): void => {
        void this.listDeployments(url, connection).then((done) => (listed ||= done));
      };
      connection.onDeployments(listAgain);
      // What was told to the session before is not told again.
      connection.onNewSession(listAgain);
      const [info, { containers }, { apps }] = await Promise.all([
        connection.request('runtime.info', {}, signal),
        connection.request('container.list', {}, signal),
        connection.request('deployment.list', {}, signal),
      ]);
      // What was told or listed while these were awaited is newer.
      if (!told) this.model.setContainers(containers);
      if (!listed) this.model.setDeployments(apps, url);
      return { name, address, connection, info };
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** False for a list that can't be had: it leaves the last one standing, and the connection's state says why. */
  private async listDeployments(url: string, connection: ClientConnection): Promise<boolean> {
    try {
      const { apps } = await connection.request('deployment.list', {});
      this.model.setDeployments(apps, url);
      return true;
    } catch (error) {
      this.options.log.warn(`Deployments not listed: ${VelarError.from(error).message}`);
      return false;
    }
  }

  private followed(connection: ClientConnection, state: ConnectionState): void {
    switch (state.kind) {
      case 'connecting':
        break;
      case 'connected':
        this.model.update({ state: 'connected', message: null });
        break;
      case 'reconnecting':
        this.options.log.warn(`Connection lost: ${state.reason}; attempt ${String(state.attempt)}`);
        this.model.update({ state: 'reconnecting', message: state.reason });
        break;
      case 'closed':
        void this.closed(connection, state.error);
        break;
    }
  }

  private async closed(connection: ClientConnection, error: Error | null): Promise<void> {
    const current = await this.link?.catch(() => undefined);
    if (current?.connection !== connection) return;
    this.link = undefined;
    this.model.setContainers([]);
    this.model.setDeployments([], '');
    const known = error === null ? null : VelarError.from(error, 'unreachable');
    if (known !== null) this.options.log.warn(`Connection closed: ${known.message}`);
    this.model.update({
      state: known === null ? 'off' : 'failed',
      message: known?.message ?? null,
    });
  }
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const cancelled = (): VelarError => new VelarError('cancelled', 'Cancelled.');
  if (signal.aborted) throw cancelled();
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(cancelled());
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
