/** velar.run from click to record: arguments, bundle, runtime, consent, start. */
import * as vscode from 'vscode';
import type { ClientConnection, RunHandle, RunRequest } from '../../client/api';
import type { Bundle } from '../../client/bundle/bundle';
import { startDetachedEntrypoint } from '../../client/detachedEntrypoint';
import { findPython } from '../../client/python';
import { startRerun, startRun } from '../../client/runs';
import { requireTrust, showError } from '../errors';
import { pythonPath } from '../settings';
import type { CallInput, RunInput } from './callInput';
import { askForCpu, wantedGpu } from './cpuConsent';
import type { RunEntry, RunOrigin, RunRecords } from './runRecords';
import type { Shipment, Shipping, ShippingOptions } from './shipping';
import type { RunSource } from './sources';
import type { RunTarget, TargetFinder } from './target';

export interface RunServiceParts {
  readonly records: RunRecords;
  readonly targets: TargetFinder;
  readonly input: CallInput;
  readonly shipping: Shipping;
  /** Folder with the Python packages `velar` and `velar_worker`. */
  readonly pythonPackages: string;
  /** Absolute path of dist/entrypoint.js. */
  readonly entrypointScript: string;
  /** Version of the extension, told to the runtime. */
  readonly version: string;
  readonly log: vscode.LogOutputChannel;
}

/** A run with what it was started from. */
export interface StartedRun {
  readonly entry: RunEntry;
  readonly bundle: Bundle;
  readonly source: RunSource;
  readonly connection: ClientConnection;
}

/** How a run differs from a plain one. */
interface StartOptions extends ShippingOptions {
  readonly debug?: boolean;
  /** Starts it over on the CPU; the same run without a debugger where this is not given. */
  readonly onCpu?: () => Promise<unknown>;
}

export class RunService {
  constructor(private readonly parts: RunServiceParts) {}

  /** Runs what the command's argument names; resolves once the run has started, or the person gave up. */
  async run(argument: unknown, askArguments: boolean): Promise<RunEntry | undefined> {
    requireTrust('Running');
    const target = await this.parts.targets.find(argument);
    if (target === undefined) return undefined;
    const input = await this.parts.input.of(target, askArguments);
    if (input === undefined) return undefined;
    return (await this.start(target, input))?.entry;
  }

  /**
   * The arguments of a debug run, as those of a run: remembered, defaults, or asked for. Undefined when the
   * person gave up.
   */
  async input(target: RunTarget): Promise<RunInput | undefined> {
    return this.parts.input.of(target, false);
  }

  /** Starts a run that waits for a debugger. Undefined when the person gave up. */
  async debug(
    target: RunTarget,
    input: RunInput,
    options: Omit<StartOptions, 'debug'>,
  ): Promise<StartedRun | undefined> {
    requireTrust('Debugging');
    return this.start(target, input, { ...options, debug: true });
  }

  /** The same function with the same arguments, from the text as it is now; `onCpu`: asked for and given. */
  async rerun(entry: RunEntry, onCpu: boolean): Promise<RunEntry | undefined> {
    requireTrust('Running');
    if (entry.origin.again !== undefined) {
      await entry.origin.again(onCpu);
      return undefined;
    }
    const { rerunOf } = entry.origin;
    if (rerunOf !== undefined) return this.runFailed(rerunOf, entry.origin, onCpu);
    const target = await this.parts.targets.find(entry.origin);
    if (target === undefined) return undefined;
    const { request } = entry.origin;
    const input: RunInput = {
      arguments: request.arguments,
      ...(request.instance === undefined ? {} : { instance: request.instance }),
    };
    return (await this.start(target, input, { cpu: onCpu }))?.entry;
  }

  /** The inputs that failed in a run, with the functions as the text has them now; `onCpu` as for `rerun`. */
  async rerunFailed(entry: RunEntry, onCpu: boolean): Promise<RunEntry | undefined> {
    requireTrust('Running');
    return this.runFailed(entry.run, entry.origin, onCpu);
  }

  private async runFailed(
    of: string,
    origin: RunOrigin,
    onCpu: boolean,
  ): Promise<RunEntry | undefined> {
    const target = await this.parts.targets.find(origin);
    if (target === undefined) return undefined;
    const { qualname } = target.found;
    return this.parts.shipping.ship(target, qualname, { cpu: onCpu }, async (shipment) => {
      const { source, connection, bundler, cpu } = shipment;
      const { root, file } = source;
      const { uri } = origin;
      const what = { of, root, uri, file, qualname, cpu };
      const handle = startRerun(connection, bundler, what, source.overlay);
      const request = { ...origin.request, root, file, cpu };
      const made = this.parts.records.add(handle, { ...origin, request, rerunOf: of });
      void this.follow(made, target, () => this.runFailed(of, origin, true));
      return made;
    });
  }

  private async start(
    target: RunTarget,
    input: RunInput,
    options: StartOptions = {},
  ): Promise<StartedRun | undefined> {
    return this.parts.shipping.ship(target, target.found.qualname, options, async (shipment) => {
      const { source, bundle, connection, cpu } = shipment;
      const plain = requestOf(target, source, input, cpu);
      const request = options.debug === true ? { ...plain, debug: true } : plain;
      const handle = await this.launch(shipment, request);
      const uri = target.uri.toString();
      const origin = { uri, qualname: target.found.qualname, request };
      const entry = this.parts.records.add(handle, origin);
      void this.follow(
        entry,
        target,
        options.onCpu ?? (() => this.start(target, input, { cpu: true })),
      );
      return { entry, bundle, source, connection };
    });
  }

  private async launch(
    { connection, address, bundler, source, preparation }: Shipment,
    request: RunRequest,
  ): Promise<RunHandle> {
    if (request.kind !== 'local_entrypoint') {
      return startRun(connection, bundler, request, source.overlay);
    }
    const scope = vscode.Uri.file(request.root);
    const { executable } = await findPython(pythonPath(scope), preparation.abort.signal);
    const { pythonPackages: packages, entrypointScript: script, version } = this.parts;
    const { url, token, fingerprint } = address;
    const host = {
      script,
      execPath: process.execPath,
      address: { url, token, ...(fingerprint === undefined ? {} : { fingerprint }) },
      client: { name: vscode.env.appName, version },
      python: { executable, packages },
    };
    return startDetachedEntrypoint(connection, bundler, host, request, source.overlay);
  }

  /** Waits for the end of a run to say what no record says, and to ask about the CPU where that is the trouble. */
  private async follow(
    entry: RunEntry,
    target: RunTarget,
    onCpu: () => Promise<unknown>,
  ): Promise<void> {
    try {
      const record = await entry.handle.ended;
      const { log } = this.parts;
      log.info(
        `${record.qualname} ${record.status} after ${String(record.ms ?? 0)} ms (${entry.run})`,
      );
      const noGpu = record.error?.kind === 'capacity' && record.error.type === 'NoGpu';
      if (!noGpu || entry.origin.request.cpu) return;
      const wanted = wantedGpu(target) ?? 'a GPU';
      if ((await askForCpu(target, wanted, 'the runtime has no such card')) === 'cpu') {
        await onCpu();
      }
    } catch (error) {
      // Not waited for: the run is over, however long the message stays.
      void showError(error, this.parts.log);
    }
  }
}

function requestOf(
  { found, uri }: RunTarget,
  { root, file }: RunSource,
  input: RunInput,
  cpu: boolean,
): RunRequest {
  const { qualname, kind } = found;
  return { root, uri: uri.toString(), file, qualname, kind, cpu, ...input };
}
