/** velar.run from click to record: arguments, bundle, runtime, consent, start. */
import * as vscode from 'vscode';
import type { ClientConnection, RunHandle, RunRequest } from '../../client/api';
import type { Bundle } from '../../client/bundle/bundle';
import type { WorkspaceBundler } from '../../client/bundle/workspaceBundler';
import { startLocalEntrypoint } from '../../client/localEntrypoint';
import { findPython } from '../../client/python';
import { startRun, type Bundler } from '../../client/runs';
import { requireTrust, showError } from '../errors';
import type { RuntimeManager } from '../runtimes/runtimeManager';
import { pythonPath } from '../settings';
import { confirmSize } from './bundleSize';
import type { CallInput, RunInput } from './callInput';
import { askForCpu, decideCpu, wantedGpu } from './cpuConsent';
import type { ModuleCheck } from './moduleCheck';
import type { Preparation, RunEntry, RunRecords } from './runRecords';
import type { RunSource, RunSources } from './sources';
import type { RunTarget, TargetFinder } from './target';

export interface RunServiceParts {
  readonly records: RunRecords;
  readonly targets: TargetFinder;
  readonly input: CallInput;
  readonly sources: RunSources;
  readonly bundler: WorkspaceBundler;
  readonly modules: ModuleCheck;
  readonly manager: RuntimeManager;
  /** Folder with the Python packages `velar` and `velar_worker`. */
  readonly pythonPackages: string;
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
interface StartOptions {
  /** On the CPU, as asked for and given. */
  readonly cpu?: boolean;
  readonly debug?: boolean;
  /** Gives up before there is a run. */
  readonly signal?: AbortSignal;
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
    const target = await this.parts.targets.find(entry.origin);
    if (target === undefined) return undefined;
    const { request } = entry.origin;
    const input: RunInput = {
      arguments: request.arguments,
      ...(request.instance === undefined ? {} : { instance: request.instance }),
    };
    return (await this.start(target, input, { cpu: onCpu }))?.entry;
  }

  private async start(
    target: RunTarget,
    input: RunInput,
    options: StartOptions = {},
  ): Promise<StartedRun | undefined> {
    const { records, manager } = this.parts;
    const uri = target.uri.toString();
    const preparation = records.prepare(uri, target.found.qualname, 'making the bundle');
    const { signal } = preparation.abort;
    const giveUp = (): void => preparation.abort.abort();
    options.signal?.addEventListener('abort', giveUp);
    try {
      // Both take a while at first, and neither needs the other.
      const connecting = manager.connected(signal);
      connecting.catch(() => undefined);
      const source = await this.parts.sources.of(target.uri);
      const bundle = await this.bundle(target, source, signal);
      if (bundle === undefined) return undefined;
      records.say(preparation, 'waiting for the runtime');
      const { name, connection, info } = await connecting;
      const cpu = options.cpu === true ? 'cpu' : await decideCpu(target, info.gpus, name);
      if (cpu === undefined) return undefined;
      const plain = requestOf(target, source, input, cpu === 'cpu');
      const request = options.debug === true ? { ...plain, debug: true } : plain;
      const handle = await this.launch(connection, bundle, request, source, preparation);
      const entry = records.add(handle, { uri, qualname: target.found.qualname, request });
      void this.follow(
        entry,
        target,
        options.onCpu ?? (() => this.start(target, input, { cpu: true })),
      );
      return { entry, bundle, source, connection };
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

  private async launch(
    connection: ClientConnection,
    bundle: Bundle,
    request: RunRequest,
    source: RunSource,
    { abort }: Preparation,
  ): Promise<RunHandle> {
    // What was looked at is what goes; only where a file has changed since is the bundle made again.
    let made: Bundle | undefined = bundle;
    const bundler: Bundler = {
      build: async (...of) => {
        const ready = made;
        made = undefined;
        return ready ?? (await this.parts.bundler.build(...of));
      },
    };
    if (request.kind !== 'local_entrypoint') {
      return startRun(connection, bundler, request, source.overlay);
    }
    const scope = vscode.Uri.file(request.root);
    const { executable } = await findPython(pythonPath(scope), abort.signal);
    const python = { executable, packages: this.parts.pythonPackages };
    return startLocalEntrypoint(connection, bundler, python, request, source.overlay);
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
  { found }: RunTarget,
  { root, file }: RunSource,
  input: RunInput,
  cpu: boolean,
): RunRequest {
  const { qualname, kind } = found;
  return { root, file, qualname, kind, cpu, ...input };
}
