/** Debugging in this window: from a click or a configuration to sessions, and what goes on while they live. */
import { join } from 'node:path';
import * as vscode from 'vscode';
import { VelarError } from '../../../runtime/protocol/errors';
import type { RunHandle } from '../../client/api';
import { commands } from '../commandIds';
import { requireTrust, showError } from '../errors';
import type { RunInput } from '../runs/callInput';
import type { RunRecords } from '../runs/runRecords';
import type { RunService } from '../runs/runService';
import type { TargetFinder } from '../runs/target';
import type { RuntimeManager } from '../runtimes/runtimeManager';
import type { RuntimeModel } from '../runtimes/runtimeModel';
import { chooseContainer, folderOf, nextCall } from './attachTarget';
import { readAttach, readChild, readLaunch, type ChildConfiguration } from './configuration';
import { DebuggedRun, ownBundle } from './debuggedRun';
import { DEBUG_TYPE } from './debugType';
import { InlineAdapter } from './inlineAdapter';
import { LaunchResolver } from './launchResolver';
import { DebugSession, type Debuggee, type SessionHost } from './session';
import type { PostMortems } from './postMortem/postMortems';
import { StaleEdits } from './staleEdits';

export interface DebugServiceParts {
  readonly records: RunRecords;
  readonly model: RuntimeModel;
  readonly targets: TargetFinder;
  readonly runs: RunService;
  readonly manager: RuntimeManager;
  readonly postMortems: PostMortems;
  readonly log: vscode.LogOutputChannel;
}

type Begin = (
  session: DebugSession,
  signal: AbortSignal,
) => Promise<{ debuggee: Debuggee; run: DebuggedRun }>;

export class DebugService implements vscode.Disposable {
  /** Sessions of functions, by id: not those of child processes. */
  private readonly live = new Map<string, vscode.DebugSession>();
  private readonly runs = new Map<string, DebuggedRun>();
  private readonly stale = new StaleEdits();
  private readonly listening = vscode.debug.onDidTerminateDebugSession(({ id }) =>
    this.live.delete(id),
  );

  private readonly resolver: LaunchResolver;

  constructor(private readonly parts: DebugServiceParts) {
    this.resolver = new LaunchResolver(parts.targets, parts.runs, () => this.live.values());
  }

  /** velar.debug: the function that the argument names, else the one at the cursor. */
  async start(argument: unknown): Promise<void> {
    requireTrust('Debugging');
    const target = await this.parts.targets.find(argument);
    if (target === undefined) return;
    const { uri, found } = target;
    await vscode.debug.startDebugging(
      vscode.workspace.getWorkspaceFolder(uri),
      {
        type: DEBUG_TYPE,
        request: 'launch',
        name: `Debug ${found.qualname}`,
        file: uri.scheme === 'file' ? uri.fsPath : uri.toString(),
        function: found.qualname,
      },
      // The code goes as it is on screen, saved or not.
      { suppressSaveBeforeStart: true },
    );
  }

  /** A configuration with all that a session needs; undefined where the person gave up or has been told what is wrong. */
  async resolve(
    folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    try {
      requireTrust('Debugging');
      if (isFailedRun(configuration) || readChild(configuration) !== undefined)
        return configuration;
      if (configuration.request === 'attach') {
        readAttach(configuration);
        return configuration;
      }
      return await this.resolver.resolve(folder, configuration);
    } catch (error) {
      void showError(error, this.parts.log);
      return undefined;
    }
  }

  /** The adapter of a session, inside this process: no port, no program. */
  async adapterOf(session: vscode.DebugSession): Promise<vscode.DebugAdapterDescriptor> {
    if (isFailedRun(session.configuration)) return this.parts.postMortems.adapterOf(session);
    const child = readChild(session.configuration);
    const begin: Begin =
      child !== undefined
        ? async () => this.beginChild(child)
        : session.configuration.request === 'attach'
          ? async (_, signal) => this.beginAttach(session, signal)
          : async (_, signal) => this.beginLaunch(session, signal);
    if (child === undefined) this.live.set(session.id, session);
    return new vscode.DebugAdapterInlineImplementation(
      new InlineAdapter((send) => this.sessionOf(session, child !== undefined, begin, send)),
    );
  }

  dispose(): void {
    this.listening.dispose();
    this.stale.dispose();
  }

  private sessionOf(
    session: vscode.DebugSession,
    isChild: boolean,
    begin: Begin,
    send: (message: object) => void,
  ): DebugSession {
    let run: DebuggedRun | undefined;
    let over: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => (over = resolve));
    const host: SessionHost = {
      begin: async (signal) => {
        const begun = await begin(debugSession, signal);
        run = begun.run;
        if (!isChild) {
          void run.show(debugSession).then(() => over?.());
        }
        return begun.debuggee;
      },
      failed: (error) => void this.tell(error),
      joined: (attach) => void this.join(session, run, attach),
      stop: async (terminate) => {
        if (terminate && !isChild) await run?.cancel();
        over?.();
      },
      over: isChild ? undefined : ended,
    };
    const debugSession = new DebugSession(host, send);
    return debugSession;
  }

  private async beginLaunch(session: vscode.DebugSession, signal: AbortSignal): ReturnType<Begin> {
    const { call, cpu, justMyCode, stopOnEntry } = readLaunch(session.configuration);
    if (call === undefined) throw new VelarError('internal', 'The configuration was not resolved.');
    const target = await this.parts.targets.find(call);
    if (target === undefined) throw new VelarError('cancelled', 'Cancelled.');
    const input: RunInput = {
      arguments: call.arguments,
      ...(call.instance === undefined ? {} : { instance: call.instance }),
    };
    const onCpu = async (): Promise<boolean> =>
      vscode.debug.startDebugging(session.workspaceFolder, { ...session.configuration, cpu: true });
    const started = await this.parts.runs.debug(target, input, { cpu, signal, onCpu });
    if (started === undefined) throw new VelarError('cancelled', 'Cancelled.');
    const { entry, connection, source, bundle } = started;
    const own = ownBundle(entry, source.root, bundle.files);
    const run = new DebuggedRun({ entry, connection, bundle: own, justMyCode, stopOnEntry });
    this.runs.set(entry.run, run);
    const forget = this.stale.watch(
      entry,
      new Map(bundle.files.map(({ path, sha256 }) => [path, sha256])),
    );
    void run.over.then(() => {
      forget();
      this.runs.delete(entry.run);
    });
    return { run, debuggee: await this.connect(run, signal) };
  }

  private async beginAttach(session: vscode.DebugSession, signal: AbortSignal): ReturnType<Begin> {
    const wanted = readAttach(session.configuration);
    const { manager, model, records } = this.parts;
    const { connection } = await manager.connected(signal);
    const container = await chooseContainer(wanted, model.containers, records);
    const handle = await nextCall(connection, container, signal);
    const known = records.get(handle.run);
    const { file, qualname } = await described(handle);
    const root = known?.origin.request.root ?? (await folderOf(file, session.workspaceFolder));
    const uri = vscode.Uri.file(join(root, file)).toString();
    const nothing = { args: [], kwargs: {} };
    const request = {
      root,
      file,
      qualname,
      kind: 'function',
      arguments: nothing,
      cpu: false,
    } as const;
    const entry = known ?? records.add(handle, { uri, qualname, request });
    const bundle = { root, files: undefined, documents: new Map<string, string>() };
    const { justMyCode } = wanted;
    const run = new DebuggedRun({ entry, connection, bundle, justMyCode, stopOnEntry: false });
    this.runs.set(entry.run, run);
    void run.over.then(() => this.runs.delete(entry.run));
    return { run, debuggee: await run.connect(signal) };
  }

  private async beginChild({ run, attach }: ChildConfiguration): ReturnType<Begin> {
    const parent = this.runs.get(run);
    if (parent === undefined) throw new VelarError('cancelled', 'The run is over.');
    return { run: parent, debuggee: await parent.connectChild(attach) };
  }

  /** Whoever stops before the function runs ends the run with it. */
  private async connect(run: DebuggedRun, signal: AbortSignal): Promise<Debuggee> {
    try {
      return await run.connect(signal);
    } catch (error) {
      if (signal.aborted) await run.cancel();
      throw error;
    }
  }

  private async join(
    parentSession: vscode.DebugSession,
    run: DebuggedRun | undefined,
    attach: Record<string, unknown>,
  ): Promise<void> {
    if (run === undefined) return;
    const process = attach['subProcessId'];
    await vscode.debug.startDebugging(
      parentSession.workspaceFolder,
      {
        type: DEBUG_TYPE,
        request: 'attach',
        name: typeof process === 'number' ? `Process ${String(process)}` : 'Process',
        run: run.entry.run,
        attach,
      },
      {
        parentSession,
        lifecycleManagedByParent: true,
        consoleMode: vscode.DebugConsoleMode.MergeWithParent,
        suppressSaveBeforeStart: true,
      },
    );
  }

  private async tell(error: VelarError): Promise<void> {
    if (error.details?.['shownInPanel'] !== true) {
      await showError(error, this.parts.log);
      return;
    }
    const open = 'Open Panel';
    const text = [error.message, error.hint ?? ''].join(' ').trim();
    if ((await vscode.window.showErrorMessage(`Velar: ${text}`, open)) === open) {
      await vscode.commands.executeCommand(commands.openPanel);
    }
  }
}

/** The frames of a run that failed, to look at: nothing runs. */
function isFailedRun(configuration: vscode.DebugConfiguration): boolean {
  return typeof configuration['failedRun'] === 'string';
}

/** File and function of a run, which it tells with its first events. */
async function described(handle: RunHandle): Promise<{ file: string; qualname: string }> {
  if (handle.record.file !== '') return handle.record;
  return new Promise((resolve, reject) => {
    const stop = handle.onEvents((_events, record) => {
      if (record.file === '') return;
      stop();
      resolve(record);
    });
    handle.ended.then(resolve, reject);
  });
}
