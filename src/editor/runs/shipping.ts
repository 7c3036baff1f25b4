/** What comes before every run and deploy: bundle, runtime, and consent to the CPU. */
import type { ClientConnection, RuntimeAddress } from '../../client/api';
import type { Bundle } from '../../client/bundle/bundle';
import type { WorkspaceBundler } from '../../client/bundle/workspaceBundler';
import type { Bundler } from '../../client/runs';
import type { RuntimeManager } from '../runtimes/runtimeManager';
import { confirmSize } from './bundleSize';
import { decideCpu } from './cpuConsent';
import type { ModuleCheck } from './moduleCheck';
import type { Preparation, RunRecords } from './runRecords';
import type { RunSource, RunSources } from './sources';
import type { RunTarget } from './target';

export interface ShippingParts {
  readonly records: RunRecords;
  readonly sources: RunSources;
  readonly bundler: WorkspaceBundler;
  readonly modules: ModuleCheck;
  readonly manager: RuntimeManager;
}

/** Everything that a start needs. */
export interface Shipment {
  readonly source: RunSource;
  readonly bundle: Bundle;
  readonly connection: ClientConnection;
  /** Of the connection. */
  readonly address: RuntimeAddress;
  /** On the CPU, because that was allowed. */
  readonly cpu: boolean;
  /** Gives the bundle as it was looked at; it is made again only where a file has changed since. */
  readonly bundler: Bundler;
  readonly preparation: Preparation;
}

export interface ShippingOptions {
  /** On the CPU, as asked for and given. */
  readonly cpu?: boolean;
  /** Gives up before there is a run. */
  readonly signal?: AbortSignal;
}

export class Shipping {
  constructor(private readonly parts: ShippingParts) {}

  /** Calls `launch` once all is there. Undefined when the person stopped at what was found. */
  async ship<T>(
    target: RunTarget,
    qualname: string,
    options: ShippingOptions,
    launch: (shipment: Shipment) => Promise<T>,
  ): Promise<T | undefined> {
    const { records, manager, sources } = this.parts;
    const preparation = records.prepare(target.uri.toString(), qualname, 'making the bundle');
    const { signal } = preparation.abort;
    const giveUp = (): void => preparation.abort.abort();
    options.signal?.addEventListener('abort', giveUp);
    try {
      // Both take a while at first, and neither needs the other.
      const connecting = manager.connected(signal);
      connecting.catch(() => undefined);
      const source = await sources.of(target.uri);
      const bundle = await this.bundle(target, source, signal);
      if (bundle === undefined) return undefined;
      records.say(preparation, 'waiting for the runtime');
      const { name, address, connection, info } = await connecting;
      const cpu = options.cpu === true ? 'cpu' : await decideCpu(target, info.gpus, name);
      if (cpu === undefined) return undefined;
      const bundler = this.onceMade(bundle);
      const ready = { source, bundle, connection, address, bundler, preparation };
      return await launch({ ...ready, cpu: cpu === 'cpu' });
    } finally {
      options.signal?.removeEventListener('abort', giveUp);
      records.finishPreparing(preparation);
    }
  }

  /** Undefined when the person stopped at what was found. */
  private async bundle(
    target: RunTarget,
    source: RunSource,
    signal: AbortSignal,
  ): Promise<Bundle | undefined> {
    const { bundler, modules } = this.parts;
    const bundle = await bundler.build(source.root, source.file, source.overlay, signal);
    if (!(await modules.confirm(bundle, source))) return undefined;
    return (await confirmSize(bundle, target.uri)) ? bundle : undefined;
  }

  private onceMade(bundle: Bundle): Bundler {
    let made: Bundle | undefined = bundle;
    return {
      build: async (...of) => {
        const ready = made;
        made = undefined;
        return ready ?? (await this.parts.bundler.build(...of));
      },
    };
  }
}
