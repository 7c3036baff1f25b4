/** Samples cards while somebody needs it: through NVML, else through nvidia-smi, else not, and says which and why. */
import { VelarError } from '../protocol/errors';
import type { GpuSource } from '../protocol/gpus';
import type { GpuSample, SampleListener, SampleSource, SourceStart } from './samples';

/** How long a single reading may take, with the start of a sampler in it, in ms. */
const READ_WITHIN_MS = 5000;

export interface SourceOption {
  kind: GpuSource;
  start: SourceStart;
}

/** What has become of the sources. */
export interface SamplerState {
  /** The one in use, or that was used last. */
  source: GpuSource | null;
  /** Why those before it in line are not used. */
  refused: { kind: GpuSource; reason: string }[];
}

interface Work {
  source: Promise<SampleSource | undefined>;
  stop: () => Promise<void>;
}

export class GpuSampler {
  private intervalMs: number | null = null;
  private reading = 0;
  private work: Work | undefined;
  private readonly endings = new Set<Promise<void>>();
  private readonly waiting = new Set<(sample: GpuSample) => void>();
  private current: SamplerState = { source: null, refused: [] };

  /** `sources` in the order to try. `sample` gets each sample; `failed` the reason when none of them is left. */
  constructor(
    private readonly sources: readonly SourceOption[],
    private readonly sample: (sample: GpuSample) => void,
    private readonly failed: (reason: string) => void,
  ) {}

  get state(): SamplerState {
    return this.current;
  }

  /** How often samples are needed from now on, in ms; null: not at all, and no process stays. */
  every(intervalMs: number | null): void {
    if (intervalMs === this.intervalMs) return;
    this.intervalMs = intervalMs;
    void this.work?.source.then((source) => source?.every(this.intervalMs));
    this.startOrStop();
  }

  /** One sample taken now. Rejects with `not-found` when no source gives one. */
  async read(): Promise<GpuSample> {
    this.reading += 1;
    this.startOrStop();
    let done = (_sample: GpuSample): void => undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      const sample = new Promise<GpuSample>((resolve) => {
        done = resolve;
        this.waiting.add(done);
      });
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), READ_WITHIN_MS);
      });
      const source = await this.work?.source;
      source?.once();
      const first = source === undefined ? undefined : await Promise.race([sample, late]);
      if (first !== undefined) return first;
      throw new VelarError('not-found', this.why());
    } finally {
      clearTimeout(timer);
      this.waiting.delete(done);
      this.reading -= 1;
      this.startOrStop();
    }
  }

  /** Resolves when no process is left. */
  async stop(): Promise<void> {
    this.intervalMs = null;
    this.end();
    await Promise.all(this.endings);
  }

  private startOrStop(): void {
    const needed = this.intervalMs !== null || this.reading > 0;
    if (needed) this.work ??= this.begin();
    else this.end();
  }

  private end(): void {
    const work = this.work;
    if (work === undefined) return;
    this.work = undefined;
    const ending: Promise<void> = work.stop().finally(() => this.endings.delete(ending));
    this.endings.add(ending);
  }

  private begin(): Work {
    const state: SamplerState = { source: null, refused: [] };
    let over = false;
    let running: SampleSource | undefined;
    const next = async (): Promise<SampleSource | undefined> => {
      for (const { kind, start } of this.sources.slice(state.refused.length)) {
        let failure: string | undefined;
        const listener: SampleListener = {
          sample: (sample) => {
            if (!over) this.take(sample);
          },
          failed: (reason) => {
            failure = reason;
            if (running?.kind !== kind || over) return;
            state.refused.push({ kind, reason });
            running = undefined;
            work.source = next();
          },
        };
        const started = await start(listener).catch((error: unknown) => {
          failure = VelarError.from(error).message;
          return undefined;
        });
        if (started !== undefined && failure === undefined) {
          running = started;
          state.source = kind;
          this.current = state;
          if (over) await started.stop();
          else started.every(this.intervalMs);
          return started;
        }
        state.refused.push({ kind, reason: failure ?? 'it ended at once' });
      }
      state.source = null;
      this.current = state;
      if (!over) this.failed(this.why());
      return undefined;
    };
    const work: Work = {
      source: Promise.resolve(undefined),
      stop: async () => {
        over = true;
        await (await work.source)?.stop();
      },
    };
    work.source = next();
    return work;
  }

  private take(sample: GpuSample): void {
    for (const done of [...this.waiting]) done(sample);
    this.sample(sample);
  }

  private why(): string {
    const reasons = this.current.refused.map(({ kind, reason }) => `${labels[kind]}: ${reason}`);
    return `Cards can't be sampled. ${reasons.join('. ')}.`;
  }
}

const labels: Readonly<Record<GpuSource, string>> = { nvml: 'NVML', 'nvidia-smi': 'nvidia-smi' };

/** Who measures, and why nobody better does. */
export function describeSampling({ source, refused }: SamplerState): string {
  const why = refused.map(({ kind, reason }) => `${labels[kind]} can't be used (${reason})`);
  if (source === null && refused.length === 0) return 'Not measured yet.';
  if (source === null) return `Cards are not sampled: ${why.join('; ')}.`;
  return why.length === 0
    ? `Measured by ${labels[source]}.`
    : `Measured by ${labels[source]}: ${why.join('; ')}.`;
}
