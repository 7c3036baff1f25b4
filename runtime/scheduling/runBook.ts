/** All runs: those going on, those that ended lately, and the ones in the store. */
import { activeRunSchema, type ActiveRun } from '../protocol/activeRuns';
import { VelarError } from '../protocol/errors';
import type { RunEvent } from '../protocol/events';
import type { RunSummary } from '../protocol/methods';
import type { PostMortem } from '../protocol/postMortem';
import type { RunError, ResultValue } from '../protocol/values';
import { costOf } from '../metering/cost';
import type { PriceTable } from '../metering/prices';
import type { KeptInput } from '../store/failedInputs';
import type { Store } from '../store/store';
import type { Clock } from './clock';
import { PhaseHistory } from './phaseHistory';
import { Run, type RunOutcome, type RunParams } from './run';
import type { RunListener, RunWatch } from './service';

/** Ended runs that stay in memory, and as many calls of endpoints; older ones are read from the store. */
const KEPT_ENDED = 50;

/** `notKept`: inputs that failed as well and are lost, as far as that is known. */
export interface FailedInputsOf {
  summary: RunSummary;
  inputs: KeptInput[];
  notKept: number;
}

export class RunBook {
  private readonly runs = new Map<string, Run>();
  private readonly ended = { people: [] as string[], endpoints: [] as string[] };
  private readonly history: PhaseHistory;
  private readonly closing = new Set<Promise<void>>();
  private readonly watchers = new Set<(active: number) => void>();

  constructor(
    private readonly store: Store,
    private readonly prices: PriceTable,
    private readonly clock: Clock,
    private readonly warn: (message: string) => void,
    /** Phases take as long as they do in this engine. */
    private readonly engine: string,
  ) {
    this.history = new PhaseHistory(store.phaseTimes);
  }

  /** Called with the number of active runs after each change; returns the undo. */
  onActive(listener: (active: number) => void): () => void {
    this.watchers.add(listener);
    return () => this.watchers.delete(listener);
  }

  /** Newest first. */
  startedBy(device: string): ActiveRun[] {
    return this.active
      .toReversed()
      .filter(({ params }) => params.device === device && params.origin !== undefined)
      .map(({ params, startedAt }) => activeRunSchema.parse({ ...params, startedAt }));
  }

  get active(): Run[] {
    return [...this.runs.values()].filter((run) => run.active);
  }

  find(run: string): Run | undefined {
    return this.runs.get(run);
  }

  /** A local entrypoint that goes on. Throws `not-found`, `conflict`. */
  activeLocal(id: string): Run {
    const run = this.find(id);
    if (run === undefined) throw unknownRun(id);
    if (run.params.kind === 'local_entrypoint' && run.active) return run;
    throw new VelarError('conflict', `Run ${id} is no local entrypoint that is going on.`);
  }

  /** Calls of endpoints that go on. */
  get activeEndpointCalls(): number {
    return this.active.filter(({ params }) => params.endpointOf !== undefined).length;
  }

  /** True for a run of this or an earlier runtime on the home. For ids that came from outside: looks into the store. */
  knows(run: string): boolean {
    return this.runs.has(run) || this.store.runs.has(run);
  }

  begin(params: RunParams): Run {
    const key = this.historyKey(params);
    const run = new Run(params, this.store.newJournal(params.run), this.clock, (phase, way) =>
      this.history.expectedMs(key, phase, way),
    );
    this.runs.set(run.id, run);
    this.store.runs.started(run.summary());
    this.tellActive();
    return run;
  }

  /** Ends a run with its result or error, and keeps it. */
  end(run: Run, given: { result: ResultValue } | { error: RunError }): void {
    if (!run.active) return;
    const end = 'error' in given ? { error: run.settled(given.error) } : given;
    const at = this.clock.now();
    const cost = costOf(run.usage, this.prices);
    run.usd = cost.usd;
    const last: RunEvent =
      'error' in end
        ? { type: 'error', at, error: end.error }
        : { type: 'result', at, result: end.result };
    run.end(outcomeOf(end), [{ type: 'cost', at, ...cost }, last]);
    // Writing it down is nobody's wait: the watchers have the end already.
    setImmediate(() => this.keep(run));
    this.tellActive();
  }

  /** Throws `not-found`. */
  watch(id: string, afterSeq: number, listener: RunListener): RunWatch {
    const run = this.runs.get(id);
    if (run !== undefined) {
      const log = run.journal.cursor(afterSeq);
      const stop = run.listen(listener);
      return { summary: () => run.summary(), log, close: stop };
    }
    const summary = this.store.runs.summary(id);
    const events = this.store.runs.events(id);
    if (summary === undefined || events === undefined) throw unknownRun(id);
    const log = this.store.journal(id).cursor(afterSeq);
    if (events.length > 0) listener(events);
    return { summary: () => summary, log, close: () => undefined };
  }

  /** Frames and variables of a failed run. Rejects with `not-found`. */
  async frames(id: string): Promise<PostMortem> {
    const run = this.runs.get(id);
    if (run === undefined && !this.knows(id)) throw unknownRun(id);
    const frames = run?.frames ?? (await this.store.frames.read(id));
    if (frames !== undefined) return frames;
    throw new VelarError('not-found', `Run ${id} kept no frames.`, {
      hint: 'Frames are kept of runs whose function, or the import of its file, raised.',
    });
  }

  /** What failed in the maps of a run that is over. Rejects with `not-found`, `conflict`. */
  async failedInputs(id: string): Promise<FailedInputsOf> {
    const run = this.runs.get(id);
    const summary = run?.summary() ?? this.store.runs.summary(id);
    if (summary === undefined) throw unknownRun(id);
    if (summary.status === 'active') throw stillActive(id);
    const batch = (run?.past ?? this.store.runs.events(id) ?? []).findLast(
      (event) => event.type === 'batch',
    );
    const inputs = await this.store.failedInputs.read(id);
    if (inputs.length === 0) throw nothingKept(summary, batch?.failed ?? 0);
    const notKept = batch === undefined ? 0 : Math.max(0, batch.failed - inputs.length);
    return { summary, inputs, notKept };
  }

  /** Newest first: calls of endpoints, or everything else. */
  list(limit: number, endpoints = false): RunSummary[] {
    const { runs } = this.store;
    return (endpoints ? runs.listEndpoints(limit) : runs.list(limit)).map(
      (summary) => this.runs.get(summary.run)?.summary() ?? summary,
    );
  }

  /** Resolves when every log is on disk. */
  async dispose(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(this.closing);
  }

  private tellActive(): void {
    if (this.watchers.size === 0) return;
    const { length } = this.active;
    for (const watcher of this.watchers) watcher(length);
  }

  private historyKey({ file, qualname, rerunOf }: RunParams): string {
    const what = rerunOf === undefined ? qualname : `${qualname}, failed inputs`;
    return `${this.engine}|${file}|${what}`;
  }

  private keep(run: Run): void {
    const measured = run.frames === undefined && !this.store.failedInputs.has(run.id);
    this.store.runs.ended(run.summary(), run.past, measured ? run.journal.size : undefined);
    if (run.outcome?.status === 'succeeded') {
      this.history.add(this.historyKey(run.params), run.past, this.clock.now());
    }
    const closed: Promise<void> = Promise.all([
      run.journal.close(),
      this.keepFrames(run),
      this.store.failedInputs.close(run.id),
    ])
      .then(() => undefined)
      .catch((error: unknown) => this.warn(`A run was not written down whole: ${String(error)}`))
      .finally(() => this.closing.delete(closed));
    this.closing.add(closed);
    const ended = run.params.endpointOf === undefined ? this.ended.people : this.ended.endpoints;
    ended.push(run.id);
    while (ended.length > KEPT_ENDED) this.runs.delete(ended.shift() ?? '');
  }

  private async keepFrames({ id, frames }: Run): Promise<void> {
    if (frames !== undefined) await this.store.frames.write(id, frames);
  }
}

function stillActive(run: string): VelarError {
  return new VelarError(
    'conflict',
    `Run ${run} is still going on, so more of its inputs may fail.`,
    {
      hint: 'Run the failed ones again when it has ended.',
    },
  );
}

function nothingKept({ run, environment }: RunSummary, failed: number): VelarError {
  if (environment !== undefined) {
    return new VelarError('not-found', `Run ${run} is a call of what ${environment} serves.`, {
      hint: 'Inputs of such a run are not kept. Call the function again.',
    });
  }
  if (failed === 0) {
    return new VelarError('not-found', `No input of a .map failed in run ${run}.`, {
      hint: 'There is nothing to run again. `velar ps --all` lists the runs.',
    });
  }
  return new VelarError('not-found', `The inputs that failed in run ${run} were not kept.`, {
    hint: 'Run the whole function again.',
  });
}

export function unknownRun(run: string): VelarError {
  return new VelarError('not-found', `This runtime has no run ${run}.`, {
    hint: 'List the runs that it has with `velar ps`.',
  });
}

function outcomeOf(end: { result: ResultValue } | { error: RunError }): RunOutcome {
  if ('result' in end) return { status: 'succeeded', error: null };
  const { error } = end;
  return { status: error.kind === 'cancelled' ? 'cancelled' : 'failed', error };
}
