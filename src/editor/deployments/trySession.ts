/** What the Try view shows and does: the one place that knows its state, whether the panel shows or not. */
import * as vscode from 'vscode';
import type { DeployedApp } from '../../../runtime/protocol/deployments';
import { VelarError } from '../../../runtime/protocol/errors';
import type { LogLine } from '../../../runtime/protocol/logChunks';
import type { TryPageMessage } from '../../../runtime/protocol/tryMessages';
import type { TryProblem, TryState, TryTarget } from '../../../runtime/protocol/tryState';
import type { ClientConnection } from '../../client/api';
import { Comparer } from '../../client/compare/comparer';
import { startDeployedCall } from '../../client/deploy';
import { RunEntry, type RunRecords } from '../runs/runRecords';
import type { RuntimeManager } from '../runtimes/runtimeManager';
import { findCallable, type Callable } from './callable';
import {
  collectCall,
  fieldsOf,
  inputsLabel,
  inputsTaken,
  NO_INPUTS,
  type Inputs,
  type Part,
} from './tryForm';
import { TryInputs } from './tryInputs';
import { originOfCall } from './tryOrigin';
import { deploymentsOf, missing, notComparable, servedVersion, versionLine } from './served';
import { planOf } from './tryPlan';
import { findTarget, type WantedTarget } from './tryTarget';

/** Relative deviation up to which two numbers count as equal, unless the person says otherwise. */
const DEFAULT_TOLERANCE = 1e-6;

export class TrySession implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly recorded = new vscode.EventEmitter<RunEntry>();
  private readonly logged = new vscode.EventEmitter<{
    entry: RunEntry;
    lines: readonly LogLine[];
  }>();
  readonly onDidChange = this.changed.event;
  readonly onDidRecord = this.recorded.event;
  readonly onDidLog = this.logged.event;
  private readonly saved: TryInputs;
  private readonly newRuns: vscode.Disposable;
  private apps: readonly DeployedApp[] = [];
  private target: TryTarget | undefined;
  private inputs: Inputs = NO_INPUTS;
  /** Fields whose problems the person is told. */
  private readonly touched = new Set<string>();
  private revision = 0;
  private refused = 0;
  private busy: TryState['busy'] = 'no';
  private problem: TryProblem | null = null;
  private shown: TryState['shown'] = 'response';
  private tolerance = DEFAULT_TOLERANCE;
  private comparer: Comparer | undefined;
  private work = new AbortController();
  private called: RunEntry | undefined;
  private calledOf = '';
  private isOpen = false;

  constructor(
    private readonly manager: RuntimeManager,
    private readonly records: RunRecords,
    state: vscode.Memento,
  ) {
    this.saved = new TryInputs(state);
    // A new run is what the person wants to see.
    this.newRuns = records.onDidAdd(() => this.close());
  }

  /** The last call; undefined until there was one. */
  get entry(): RunEntry | undefined {
    return this.called;
  }

  /** What the last call was of, in a line. */
  get entryOf(): string {
    return this.calledOf;
  }

  /** What the page shows; null while it shows runs. */
  get state(): TryState | null {
    const { target, busy, shown, revision, refused, inputs } = this;
    if (!this.isOpen || target === undefined) return null;
    const callable = this.callable();
    return {
      target,
      deployments: deploymentsOf(this.apps),
      version: versionLine(this.apps, target),
      fields:
        callable === undefined
          ? []
          : fieldsOf(callable, inputs, (part, name) => this.touched.has(`${part} ${name}`)),
      revision,
      refused,
      saved: this.saved
        .get(target.app, target.qualname)
        .map((each) => inputsLabel(each) || 'no arguments'),
      busy,
      problem: this.problem ?? missing(callable, target),
      notComparable: notComparable(this.apps, target),
      shown,
      comparison: this.comparer?.view ?? null,
    };
  }

  /** Shows what is wanted; the person picks where nothing is named. False when they gave up. */
  async open(wanted: WantedTarget | undefined): Promise<boolean> {
    const { connection } = await this.manager.connected();
    await this.refresh(connection);
    const target = await findTarget(this.apps, wanted);
    if (target === undefined) return false;
    this.isOpen = true;
    this.choose(target);
    return true;
  }

  /** Back to the runs; what was typed and called stays. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.changed.fire();
  }

  async act(message: TryPageMessage): Promise<void> {
    switch (message.type) {
      case 'tryTarget': {
        const { app, environment, qualname } = message;
        const functions = deploymentsOf(this.apps).find(
          (each) => each.app === app && each.environment === environment,
        )?.functions;
        const name = qualname ?? this.target?.qualname ?? '';
        const known = functions?.includes(name) === true ? name : functions?.[0];
        if (known !== undefined) this.choose({ app, environment, qualname: known });
        return;
      }
      case 'tryEdit':
        this.edit(message.part, message.name, message.text);
        return;
      case 'trySaved':
        this.fillIn(message.index);
        return;
      case 'tryCall':
        return this.call();
      case 'tryCompare':
        return this.compare(message.calls, message.inputs);
      case 'tryTolerance':
        this.tolerance = message.tolerance;
        this.comparer?.setTolerance(message.tolerance);
        this.changed.fire();
        return;
      case 'tryShow':
        this.shown = message.shown;
        this.changed.fire();
        return;
      case 'tryCancel':
        this.work.abort();
        return;
      case 'tryClose':
        this.close();
        return;
    }
  }

  dispose(): void {
    this.work.abort();
    this.newRuns.dispose();
    for (const emitter of [this.changed, this.recorded, this.logged]) emitter.dispose();
  }

  private callable(): Callable | undefined {
    const { target } = this;
    if (target === undefined) return undefined;
    const version = servedVersion(this.apps, target.app, target.environment);
    return version === undefined ? undefined : findCallable(version, target.qualname);
  }

  /** Another function starts with its last inputs; another environment keeps what is typed. */
  private choose(target: TryTarget): void {
    const before = this.target;
    this.target = target;
    this.problem = null;
    if (before?.app !== target.app || before.qualname !== target.qualname) {
      this.inputs = this.saved.get(target.app, target.qualname)[0] ?? NO_INPUTS;
      this.touched.clear();
      this.shown = 'response';
    }
    this.revision += 1;
    this.changed.fire();
  }

  private edit(part: Part, name: string, text: string): void {
    this.inputs = { ...this.inputs, [part]: { ...this.inputs[part], [name]: text } };
    this.touched.add(`${part} ${name}`);
    this.changed.fire();
  }

  private fillIn(index: number): void {
    const { target } = this;
    if (target === undefined) return;
    this.inputs = this.saved.get(target.app, target.qualname)[index] ?? this.inputs;
    this.touched.clear();
    this.revision += 1;
    this.changed.fire();
  }

  private async call(): Promise<void> {
    await this.working('response', async (connection, callable, target, signal) => {
      const call = collectCall(callable, this.inputs);
      if (!call.ok) throw new VelarError('invalid', `${call.parameter}: ${call.problem}`);
      this.busy = 'calling';
      const { ok: _ok, ...given } = call;
      const origin = await originOfCall(callable, this.fileOf(target), given);
      const handle = startDeployedCall(connection, { ...target, ...given });
      const entry = new RunEntry(origin, handle);
      this.records.setAside(entry);
      this.called = entry;
      this.calledOf = this.describeCall(callable, target);
      this.recorded.fire(entry);
      handle.onEvents(() => this.recorded.fire(entry));
      handle.onLog((lines) => {
        entry.log.push(lines);
        this.logged.fire({ entry, lines });
      });
      const cancel = (): void => void handle.cancel().catch(() => undefined);
      signal.addEventListener('abort', cancel, { once: true });
      if (signal.aborted) cancel();
      // A call that could not be made is told by its record.
      await handle.ended.catch(() => undefined);
      this.recorded.fire(entry);
    });
  }

  private async compare(calls: number, count: number): Promise<void> {
    await this.working('comparison', async (connection, callable, { app, qualname }, signal) => {
      const { apps, tolerance } = this;
      const typed = inputsTaken(callable, this.inputs);
      // What was typed was kept first, unless it is too large to keep.
      const earlier = this.saved
        .get(app, qualname)
        .filter((each) => JSON.stringify(each) !== JSON.stringify(typed));
      const plan = planOf(apps, app, qualname, [typed, ...earlier].slice(0, count));
      const request = { ...plan, connection, app, qualname, calls, signal };
      this.comparer = new Comparer(request, tolerance, () => this.changed.fire());
      this.busy = 'comparing';
      this.changed.fire();
      await this.comparer.run();
    });
  }

  /** One thing at a time: connects, looks at what is served now, checks the form, then works. */
  private async working(
    shown: TryState['shown'],
    act: (
      connection: ClientConnection,
      callable: Callable,
      target: TryTarget,
      signal: AbortSignal,
    ) => Promise<void>,
  ): Promise<void> {
    if (this.busy !== 'no') return;
    this.work = new AbortController();
    const { signal } = this.work;
    this.busy = 'preparing';
    this.problem = null;
    this.changed.fire();
    try {
      const { connection } = await this.manager.connected(signal);
      await this.refresh(connection, signal);
      const [callable, { target }] = [this.callable(), this];
      if (callable === undefined || target === undefined || !this.accepted(callable)) return;
      this.shown = shown;
      await this.saved.add(target.app, target.qualname, inputsTaken(callable, this.inputs));
      await act(connection, callable, target, signal);
    } catch (error) {
      const { code, message, hint } = VelarError.from(error);
      if (code !== 'cancelled') this.problem = { message, hint: hint ?? null };
    } finally {
      this.busy = 'no';
      this.changed.fire();
    }
  }

  /** False where a field has a problem, which is then told. */
  private accepted(callable: Callable): boolean {
    const fields = fieldsOf(callable, this.inputs, () => true);
    for (const { part, name } of fields) this.touched.add(`${part} ${name}`);
    if (fields.every(({ problem }) => problem === null)) return true;
    this.refused += 1;
    return false;
  }

  private async refresh(connection: ClientConnection, signal?: AbortSignal): Promise<void> {
    this.apps = (await connection.request('deployment.list', {}, signal)).apps;
  }

  /** `quote(item=lamp) in staging, version 2`. */
  private describeCall(callable: Callable, { app, environment, qualname }: TryTarget): string {
    const version = servedVersion(this.apps, app, environment)?.version;
    const given = inputsLabel(inputsTaken(callable, this.inputs));
    return `${qualname}(${given}) in ${environment}, version ${String(version ?? 'unknown')}`;
  }

  private fileOf({ app, environment }: TryTarget): string {
    return servedVersion(this.apps, app, environment)?.file ?? '';
  }
}
