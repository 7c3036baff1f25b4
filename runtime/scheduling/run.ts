/** One run: its events, its log, its phases, and who watches. */
import type { Environment, VersionName } from '../protocol/deployments';
import type { RunEvent } from '../protocol/events';
import type { LogStreamName } from '../protocol/logChunks';
import type { MethodParams, RunSummary } from '../protocol/methods';
import { endsPhase, type Phase } from '../protocol/phases';
import type { PostMortem } from '../protocol/postMortem';
import type { RunError } from '../protocol/values';
import type { RunJournal } from '../store/runJournal';
import { gpuLabel } from '../gpu/names';
import { addUsage, type Usage } from '../metering/cost';
import type { Call } from './call';
import { Captures } from './captures';
import type { Clock } from './clock';
import type { Container } from './container';
import type { PhaseWay } from './phaseHistory';
import { KeptItems } from './keptItems';
import { PhaseTimeline, type PhaseStep } from './phaseTimeline';
import { shortened } from './postMortem';
import { RunMask } from './runMask';
import type { RunListener } from './service';

/** Samples kept for those who watch later; older ones are thinned. */
const MAX_KEPT_SAMPLES = 1200;

/**
 * What a run is started with. Only the runtime itself says which environment it is for, whether it is a call of an
 * endpoint, or what it is a rerun of.
 */
export type RunParams = MethodParams<'run.start'> & {
  environment?: Environment;
  /** Device of the client that started it. */
  device?: string | undefined;
  /** The app of the endpoint that was called over HTTP. The runtime made the id of such a run: it is new. */
  endpointOf?: string;
  /** The deployed version whose code it runs. */
  version?: VersionName;
  /** The run whose failed inputs it runs again. */
  rerunOf?: string;
};

export interface RunOutcome {
  status: 'succeeded' | 'failed' | 'cancelled';
  error: RunError | null;
}

export class Run {
  readonly id: string;
  readonly startedAt: number;
  readonly timeline = new PhaseTimeline();
  /** Calls that belong to it and have not ended. */
  readonly calls = new Set<Call>();
  app: string | null = null;
  /** Why its call is not being worked on yet, and its place in line, as it was told last. */
  waitingFor: string | undefined;
  outcome: RunOutcome | undefined;
  usage: Usage = { busyMs: 0, gpu: null, count: 0 };
  usd: number | null = null;

  private readonly mask = new RunMask();
  private readonly captures = new Captures();
  private failure: PostMortem | undefined;
  private readonly containers = new Set<string>();
  private events: RunEvent[] = [];
  private readonly items = new KeptItems();
  private samples = 0;
  private readonly listeners = new Set<RunListener>();
  private batch: RunEvent[] | undefined;
  private readonly began: number;
  private ms: number | null = null;
  private toldDropped = false;
  private lastStep: PhaseStep | undefined;
  /** How phases happen, as far as that is known, and as it was told. */
  private readonly ways = new Map<Phase, PhaseWay>();
  private readonly toldWays = new Map<Phase, PhaseWay>();

  constructor(
    readonly params: RunParams,
    readonly journal: RunJournal,
    private readonly clock: Clock,
    private readonly expected: (phase: Phase, way: PhaseWay | undefined) => number | undefined,
  ) {
    this.id = params.run;
    this.startedAt = clock.now();
    this.began = clock.monotonic();
  }

  get active(): boolean {
    return this.ms === null;
  }

  /** Of a container and its imports, in ms; undefined where nothing is known. */
  get expectedColdStartMs(): number | undefined {
    const container = this.expected('container', 'cold');
    const imports = this.expected('imports', 'cold') ?? this.expected('imports', 'zygote');
    if (container === undefined && imports === undefined) return undefined;
    return (container ?? 0) + (imports ?? 0);
  }

  get past(): readonly RunEvent[] {
    return this.events;
  }

  /** Whole duration so far, or of the ended run, in ms. */
  get elapsedMs(): number {
    return this.ms ?? this.clock.monotonic() - this.began;
  }

  listen(listener: RunListener): () => void {
    if (this.events.length > 0) listener([...this.events]);
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Events of `work` reach listeners together. */
  together(work: () => void): void {
    if (this.batch !== undefined) {
      work();
      return;
    }
    const batch: RunEvent[] = [];
    this.batch = batch;
    try {
      work();
    } finally {
      this.batch = undefined;
      if (batch.length > 0) for (const listener of [...this.listeners]) listener(batch);
      if (!this.active) this.listeners.clear();
    }
  }

  /** Values that nothing it prints and tells shows from here on. */
  hide(secrets: readonly string[]): void {
    this.mask.hide(secrets);
  }

  /** Takes the frames of a failure: of its own code, of the import of a file, or of a call that its code made. */
  inspect(given: PostMortem, of: 'own' | 'import' | { call: number } = 'own'): void {
    if (!this.active) return;
    const frames = shortened(this.mask.told(given));
    if (typeof of === 'object') {
      this.captures.add(of.call, frames);
      return;
    }
    this.failure = frames;
    if (of === 'import') this.captures.imported(frames);
  }

  /** The error of a call that its code made, as that code gets it. */
  errorFor(call: number, error: RunError): RunError {
    return this.captures.named(call, error);
  }

  /** Frames and variables of its failure; none while it goes well. */
  get frames(): PostMortem | undefined {
    return this.outcome?.error?.inspectable === true ? this.failure : undefined;
  }

  /** `bytes`: of a generator's item, as it came. */
  publish(given: RunEvent, bytes = 0): void {
    if (!this.active) return;
    const event = this.mask.told(given);
    if (event.type === 'calls' || event.type === 'batch') this.forget(event.type);
    this.events.push(event);
    if (event.type === 'memory') this.countSample();
    if (event.type === 'yield') this.countItem(event, bytes);
    if (this.batch !== undefined) this.batch.push(event);
    else for (const listener of [...this.listeners]) listener([event]);
  }

  /** Advances the phases; `step` gets the timeline and the monotonic time. */
  advance(step: (timeline: PhaseTimeline, at: number) => PhaseStep[]): void {
    if (!this.active) return;
    const steps = step(this.timeline, this.clock.monotonic() - this.began);
    if (steps.length === 0) return;
    this.together(() => {
      for (const each of steps) this.publishStep(each);
    });
  }

  /** How the phase that begins or goes on happens: what is expected of it is told with its next step. */
  happens(phase: Phase, way: PhaseWay): void {
    const known = this.ways.get(phase);
    // Another container that joins what goes on for this run changes nothing.
    if (known === undefined || (known !== 'joined' && way !== 'joined')) this.ways.set(phase, way);
  }

  /** Keeps printed output; `source` tells apart what prints at the same time. Output over the journal's cap is told as progress, and as a gap with the count at the end. */
  print(stream: LogStreamName, bytes: Uint8Array, source: string): void {
    if (!this.active) return;
    this.keep(stream, this.mask.printed(stream, source, bytes));
  }

  private keep(stream: LogStreamName, bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    this.journal.append(stream, bytes, this.clock.now());
    if (this.journal.dropped !== null && !this.toldDropped) {
      this.toldDropped = true;
      const reason = `${this.journal.dropped.reason} What is printed from here on is counted only.`;
      this.advance((timeline) => timeline.progress(reason));
    }
  }

  charge(usage: Usage): void {
    this.usage = addUsage(this.usage, usage);
  }

  /** Notes and tells a container that works for it, once each. */
  useContainer({ id, gpu }: Pick<Container, 'id' | 'gpu'>, warm: boolean): void {
    if (this.containers.has(id)) return;
    this.containers.add(id);
    const device = gpu === null ? 'cpu' : 'gpu';
    const name = gpu === null ? null : gpuLabel(gpu.name, gpu.count);
    this.publish({
      type: 'container',
      at: this.clock.now(),
      container: id,
      warm,
      device,
      gpu: name,
    });
  }

  /** The error that it is about to end with, told with the frames that belong to it. */
  settled(given: RunError): RunError {
    const { error, frames } = this.captures.settled(given, this.failure);
    this.failure = frames;
    return error;
  }

  /** Ends it: phases, then `last` events such as cost and result, then `ended`. */
  end(given: RunOutcome, last: readonly RunEvent[]): void {
    if (!this.active) return;
    const outcome = this.mask.told(given);
    this.outcome = outcome;
    for (const { stream, bytes } of this.mask.rest()) this.keep(stream, bytes);
    // One reading for both, so that the phases add up to the whole.
    const ms = this.elapsedMs;
    this.together(() => {
      const detail = outcome.error === null ? undefined : shortReason(outcome.error);
      this.advance((timeline) =>
        timeline.finish(outcome.status === 'succeeded' ? 'done' : 'failed', ms, detail),
      );
      for (const event of last) this.publish(event);
      this.tellDropped();
      const { status } = outcome;
      const at = this.clock.now();
      this.publish({ type: 'ended', at, status, ms, lines: this.journal.lines });
      this.ms = ms;
    });
  }

  summary(): RunSummary {
    const { file, qualname, environment, endpointOf } = this.params;
    return {
      run: this.id,
      app: this.app ?? endpointOf ?? null,
      file,
      qualname,
      status: this.outcome?.status ?? 'active',
      startedAt: this.startedAt,
      ms: this.ms,
      gpu: this.usage.gpu,
      usd: this.usd,
      lines: this.journal.lines,
      error: this.outcome?.error ?? null,
      ...(environment === undefined ? {} : { environment }),
      ...(endpointOf === undefined ? {} : { endpoint: true }),
    };
  }

  private publishStep(step: PhaseStep): void {
    const last = this.lastStep;
    this.lastStep = step;
    // Calls that wait together are told the same thing; their run says it once.
    const again = last?.phase === step.phase && last.detail === step.detail && last.ms === step.ms;
    const way = this.ways.get(step.phase);
    const other = way !== this.toldWays.get(step.phase);
    if (step.status === 'progress' && again && !other) return;
    if (way !== undefined) this.toldWays.set(step.phase, way);
    const begins = step.status === 'started';
    const expectedMs = begins || other ? (this.expected(step.phase, way) ?? null) : null;
    const told = expectedMs !== null || (other && !begins) ? { expectedMs } : {};
    const ended = endsPhase(step.status) && way !== undefined ? { way } : {};
    this.publish({ type: 'phase', at: this.clock.now(), ...step, ...told, ...ended });
  }

  private tellDropped(): void {
    const dropped = this.journal.dropped;
    if (dropped === null) return;
    this.publish({ type: 'log-gap', at: this.clock.now(), ...dropped });
  }

  /** Of counts, whoever watches later wants the newest only: a batch of hours has a great many. */
  private forget(type: 'calls' | 'batch'): void {
    const last = this.events.findLastIndex((event) => event.type === type);
    if (last !== -1) this.events.splice(last, 1);
  }

  /** Those who watch later get the first items and the newest, and are told how many are missing. */
  private countItem(item: RunEvent, bytes: number): void {
    const gone = this.items.add(item, bytes);
    if (gone === undefined) return;
    const at = this.clock.now();
    const gap: RunEvent = { type: 'items-gap', at, items: this.items.forgotten };
    const first = this.events.findIndex((event) => gone.has(event));
    const kept = (event: RunEvent): boolean => event.type !== 'items-gap' && !gone.has(event);
    const before = this.events.slice(0, first).filter(kept);
    this.events = [...before, gap, ...this.events.slice(first).filter(kept)];
  }

  private countSample(): void {
    this.samples += 1;
    if (this.samples <= MAX_KEPT_SAMPLES) return;
    let index = 0;
    this.events = this.events.filter((event) => event.type !== 'memory' || index++ % 2 === 0);
    this.samples = this.events.filter((event) => event.type === 'memory').length;
  }
}

function shortReason(error: RunError): string {
  const line = error.message.split('\n')[0] ?? '';
  const text = error.type === undefined || error.kind !== 'user' ? line : `${error.type}: ${line}`;
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
