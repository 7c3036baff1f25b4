/** The machine's cards over time: sampled while somebody needs it, each container's part told apart. */
import { Owners, type ContainerRoot } from '../gpu/owners';
import { cardLabel, gpuOf, useOf } from '../gpu/cardUse';
import type { GpuInventory } from '../gpu/detect';
import { startNvml } from '../gpu/nvml';
import { explainOutOfMemory } from '../gpu/outOfMemory';
import { hostProcesses } from '../gpu/procFiles';
import { describeSampling, GpuSampler, type SourceOption } from '../gpu/sampler';
import type { GpuSample } from '../gpu/samples';
import { startSmi } from '../gpu/smiSource';
import { VelarError } from '../protocol/errors';
import type { MemorySample } from '../protocol/events';
import type { Gpu, GpuList } from '../protocol/methods';
import type { Clock } from './clock';
import type { Container } from './container';
import type { Run } from './run';

/** While a call runs on a card. */
const FAST_MS = 200;
/** While a container holds a card and somebody looks. */
const SLOW_MS = 1000;
/** A rate stays at least this long, so that short calls don't change it twice each, in ms. */
const SETTLE_MS = 50;
/** Clients are told this often at most, in ms. */
const TELL_EVERY_MS = 950;

export interface CardTelemetryOptions {
  clock: Clock;
  inventory: GpuInventory;
  environment: Readonly<Record<string, string | undefined>>;
  /** Runs that a container works for. */
  audience: (container: Container) => readonly Run[];
  warn: (message: string) => void;
}

export class CardTelemetry {
  private readonly gpus: Map<string, Gpu>;
  private readonly holders = new Set<Container>();
  private readonly listeners = new Set<(gpus: Gpu[]) => void>();
  private readonly sampler: GpuSampler;
  private readonly owners: Owners | null;
  private timer: (() => void) | undefined;
  private toldAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: CardTelemetryOptions) {
    const { inventory, warn } = options;
    const { processes = hostProcesses() } = inventory;
    this.owners = processes === null ? null : new Owners(processes);
    this.gpus = new Map(inventory.gpus.map((gpu) => [gpu.uuid, gpu]));
    this.sampler = new GpuSampler(
      inventory.gpus.length === 0 ? [] : sourcesOf(options),
      (sample) => this.sampled(sample),
      warn,
    );
  }

  /** Newest known, without a look at the cards. */
  list(): GpuList {
    const { note } = this.options.inventory;
    const gpus = [...this.gpus.values()];
    if (gpus.length === 0) return { gpus, note };
    return { gpus, note, source: describeSampling(this.sampler.state) };
  }

  /** With a sample taken now, where one can be had. */
  async read(): Promise<GpuList> {
    if (this.gpus.size > 0) {
      // That there is none is what the list says then.
      await this.sampler.read().catch((error: unknown) => VelarError.from(error));
    }
    return this.list();
  }

  /** Cards are sampled while a container holds some and somebody listens. */
  onChange(listener: (gpus: Gpu[]) => void): () => void {
    this.listeners.add(listener);
    this.settle();
    return () => {
      this.listeners.delete(listener);
      this.settle();
    };
  }

  /** A container got its cards, or let go of them. */
  held(container: Container, held: boolean): void {
    if (held) {
      container.explain = (error) =>
        explainOutOfMemory(error, this.of(container), container.id, this.options.clock.now());
      this.holders.add(container);
    } else this.holders.delete(container);
    this.settle();
  }

  /** A container's own memory on its cards, as sampled last; null where that is not told. */
  usedBy(container: Container): number | null {
    const uses = this.of(container).map((gpu) => useOf(gpu, container.id));
    const told = uses.flatMap((use) => (use?.card.scope === 'container' ? [use.usedBytes] : []));
    if (told.length === 0 || told.length < container.gpus.length) return null;
    return told.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Something about a container changed: calls may have begun or ended. */
  changed(): void {
    if (this.holders.size > 0) this.settle();
  }

  async dispose(): Promise<void> {
    this.timer?.();
    this.timer = undefined;
    this.listeners.clear();
    this.holders.clear();
    await this.sampler.stop();
  }

  private settle(): void {
    this.timer ??= this.options.clock.timer(SETTLE_MS, () => {
      this.timer = undefined;
      this.sampler.every(this.intervalMs());
    });
  }

  private intervalMs(): number | null {
    if (this.gpus.size === 0 || this.holders.size === 0) return null;
    const working = [...this.holders].some(({ idle, state }) => !idle && state !== 'stopping');
    if (working) return FAST_MS;
    return this.listeners.size > 0 ? SLOW_MS : null;
  }

  private of(container: Container): Gpu[] {
    return container.gpus.flatMap(({ uuid }) => this.gpus.get(uuid) ?? []);
  }

  private sampled({ at, source, cards }: GpuSample): void {
    const known = cards
      .filter(({ uuid }) => this.gpus.has(uuid))
      .map((card) => (this.owners === null ? { ...card, processes: null } : card));
    const pids = known.flatMap(({ processes }) => processes?.map(({ pid }) => pid) ?? []);
    const owners = this.owners?.of(pids, this.roots()) ?? new Map<number, undefined>();
    for (const card of known) {
      const gpu = gpuOf(card, at, source, owners);
      const before = this.gpus.get(card.uuid);
      if (gpu !== null) this.gpus.set(card.uuid, gpu);
      else if (before?.live !== undefined && card.problem !== null) {
        // What it told before stays known as its size; what it tells now is nothing.
        const live = { ...before.live, at, processes: null, problem: card.problem };
        this.gpus.set(card.uuid, { ...before, memoryUsedBytes: null, live });
      }
    }
    this.publish(new Set(known.map(({ uuid }) => uuid)));
    this.tell();
  }

  private publish(sampled: ReadonlySet<string>): void {
    for (const container of this.holders) {
      const runs = this.options.audience(container);
      if (runs.length === 0) continue;
      for (const gpu of this.of(container)) {
        const use = sampled.has(gpu.uuid) ? useOf(gpu, container.id) : null;
        if (use === null || gpu.live === undefined) continue;
        const sample: MemorySample = {
          type: 'memory',
          at: gpu.live.at,
          device: cardLabel(gpu),
          totalBytes: gpu.memoryTotalBytes,
          source: gpu.live.source,
          ...use,
        };
        for (const run of runs) run.publish(sample);
      }
    }
  }

  private tell(): void {
    const now = this.options.clock.monotonic();
    if (now - this.toldAt < TELL_EVERY_MS) return;
    this.toldAt = now;
    const gpus = [...this.gpus.values()];
    for (const listener of this.listeners) listener(gpus);
  }

  private roots(): ContainerRoot[] {
    return [...this.holders].flatMap(({ id, origin, placed }) => {
      const pid = placed?.pid ?? null;
      return pid === null ? [] : [{ container: id, app: origin.app, pid }];
    });
  }
}

function sourcesOf({ inventory, environment }: CardTelemetryOptions): SourceOption[] {
  const { nvml, smi } = inventory;
  return [
    {
      kind: 'nvml',
      start: async (listener) => {
        if (nvml !== undefined && 'command' in nvml) return startNvml(nvml.command, listener);
        throw new VelarError('not-found', nvml?.refused ?? 'it was not looked for');
      },
    },
    {
      kind: 'nvidia-smi',
      start: async (listener) => {
        if (smi !== null) return startSmi(smi, environment, listener);
        throw new VelarError('not-found', 'it is not on PATH');
      },
    },
  ];
}
