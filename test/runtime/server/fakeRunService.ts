/** A fake of scheduling: runs whose output and events the test makes up. Its journals are real. */
import type { Duplex } from 'node:stream';
import { join } from 'node:path';
import { VelarError } from '../../../runtime/protocol/errors';
import type { RunEvent } from '../../../runtime/protocol/events';
import type { Budget } from '../../../runtime/protocol/metering';
import type {
  Container,
  GpuList,
  MethodParams,
  RunSummary,
} from '../../../runtime/protocol/methods';
import type { RunListener, RunService, RunWatch } from '../../../runtime/scheduling/service';
import { RunJournal } from '../../../runtime/store/runJournal';

interface FakeRun {
  summary: RunSummary;
  events: RunEvent[];
  listeners: Set<RunListener>;
  journal: RunJournal;
}

export class FakeRunService implements RunService {
  readonly runs = new Map<string, FakeRun>();
  readonly cancelled: string[] = [];
  readonly callers = new Map<string, { caller: Duplex; output: Duplex }>();
  onStart: (run: string) => void = () => undefined;
  disposed = false;
  readonly storage = {
    list: () => Promise.resolve([]),
    remove: () => Promise.reject(new VelarError('not-found', 'Nothing lies here.')),
    prune: () => Promise.resolve(0),
  };
  readonly reruns = {
    failed: () => Promise.reject(new VelarError('not-found', 'Nothing failed here.')),
    start: () => Promise.reject(new VelarError('not-found', 'Nothing failed here.')),
  };
  readonly debugging = {
    open: () => undefined,
    awaitCall: () => Promise.reject(new VelarError('not-found', 'There is no container.')),
    giveUp: () => undefined,
  };
  readonly costs = {
    report: () => ({ first: '2026-01-01', last: '2026-01-01', rows: [], advice: [], terms: [] }),
    budgets: () => [],
    setBudget: (budget: Budget) => ({ ...budget, spentUsd: 0, state: 'ok' as const }),
    removeBudget: () => undefined,
    alerts: () => [],
    onAlerts: () => () => undefined,
  };
  readonly deployments: RunService['deployments'] = {
    create: () => undefined,
    move: () => undefined,
    undeploy: () => undefined,
    list: () => [],
    served: () => nothingDeployed(),
    history: () => nothingDeployed(),
    diff: () => nothingDeployed(),
    file: () => nothingDeployed(),
    protect: () => undefined,
    function: () => nothingDeployed(),
    call: () => nothingDeployed(),
    callEndpoint: () => nothingDeployed(),
    limitWait: () => () => undefined,
    keys: () => [],
    createKey: () => nothingDeployed(),
    removeKey: () => nothingDeployed(),
    onChange: () => () => undefined,
  };
  readonly activeEndpointCalls = (): number => 0;
  /** How often it was told that a run is likely to follow. */
  prepared = 0;
  private readonly containerListeners = new Set<(containers: Container[]) => void>();

  constructor(private readonly folder: string) {}

  keepServing(): void {
    throw new Error('Only a whole runtime does that.');
  }

  prepare(): void {
    this.prepared += 1;
  }

  start(params: MethodParams<'run.start'>): Promise<void> {
    if (!this.runs.has(params.run)) {
      this.runs.set(params.run, {
        summary: {
          run: params.run,
          app: null,
          file: params.file,
          qualname: params.qualname,
          status: 'active',
          startedAt: Date.now(),
          ms: null,
          gpu: null,
          usd: null,
          lines: 0,
          error: null,
        },
        events: [],
        listeners: new Set(),
        journal: RunJournal.open(join(this.folder, params.run)),
      });
      this.onStart(params.run);
    }
    return Promise.resolve();
  }

  print(run: string, text: string): void {
    this.get(run).journal.append('stdout', Buffer.from(text), Date.now());
  }

  emit(run: string, ...events: RunEvent[]): void {
    const found = this.get(run);
    found.events.push(...events);
    for (const listener of found.listeners) listener(events);
  }

  succeed(run: string, value: string | number): void {
    const { lines } = this.get(run).journal;
    this.emit(
      run,
      { type: 'result', at: Date.now(), result: { value } },
      { type: 'ended', at: Date.now(), status: 'succeeded', ms: 1, lines },
    );
  }

  watch(run: string, afterSeq: number, listener: RunListener): RunWatch {
    const found = this.get(run);
    if (found.events.length > 0) listener([...found.events]);
    found.listeners.add(listener);
    return {
      summary: () => found.summary,
      log: found.journal.cursor(afterSeq),
      close: () => {
        found.listeners.delete(listener);
      },
    };
  }

  cancel(run: string): void {
    this.get(run);
    this.cancelled.push(run);
  }

  holdItems(): boolean {
    return false;
  }

  openCaller(run: string, caller: Duplex, output: Duplex): void {
    this.get(run);
    this.callers.set(run, { caller, output });
  }

  finish(run: string): void {
    this.succeed(run, 'finished');
  }

  frames(run: string): Promise<never> {
    return Promise.reject(new VelarError('not-found', `${run} kept no frames.`));
  }

  list(limit: number): RunSummary[] {
    return [...this.runs.values()].map(({ summary }) => summary).slice(0, limit);
  }

  startedBy(): [] {
    return [];
  }

  onActiveRuns(): () => void {
    return () => undefined;
  }

  describe(): Promise<{ apps: [] }> {
    return Promise.resolve({ apps: [] });
  }

  containers(): Container[] {
    return [];
  }

  changeContainers(containers: Container[]): void {
    for (const listener of this.containerListeners) listener(containers);
  }

  stopContainer(container: string): Promise<void> {
    return Promise.reject(new VelarError('not-found', `No container ${container}.`));
  }

  gpus(): GpuList {
    return { gpus: [], note: 'No GPU in this test.' };
  }

  readGpus(): Promise<GpuList> {
    return Promise.resolve(this.gpus());
  }

  onContainers(listener: (containers: Container[]) => void): () => void {
    this.containerListeners.add(listener);
    return () => this.containerListeners.delete(listener);
  }

  onGpus(): () => void {
    return () => undefined;
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    for (const { journal } of this.runs.values()) await journal.close();
  }

  private get(run: string): FakeRun {
    const found = this.runs.get(run);
    if (found === undefined) throw new VelarError('not-found', `No run ${run}.`);
    return found;
  }
}

function nothingDeployed(): never {
  throw new VelarError('not-found', 'Nothing is deployed.');
}
