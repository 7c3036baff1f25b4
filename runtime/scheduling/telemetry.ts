/** Containers, cards and memory as watchers see them. */
import type { MemorySample } from '../protocol/events';
import type { Container as ContainerInfo, Gpu } from '../protocol/methods';
import type { WorkerMessage } from '../protocol/workerMessages';
import { gpuLabel } from '../gpu/names';
import type { GpuInventory } from '../gpu/detect';
import { GpuSampler } from '../gpu/sampler';
import type { Clock } from './clock';
import type { Container } from './container';
import type { Run } from './run';

/** A burst of changes is told once. */
const TELL_WITHIN_MS = 50;

export interface TelemetryOptions {
  clock: Clock;
  inventory: GpuInventory;
  environment: Readonly<Record<string, string | undefined>>;
  engine: string;
  containers: () => Iterable<Container>;
  /** Runs that a container works for. */
  audience: (container: Container) => readonly Run[];
  warn: (message: string) => void;
}

export class Telemetry {
  private readonly containerListeners = new Set<(containers: ContainerInfo[]) => void>();
  private readonly gpuListeners = new Set<(gpus: Gpu[]) => void>();
  private timer: (() => void) | undefined;
  private readonly cards: Map<string, Gpu>;
  private readonly sampler: GpuSampler | undefined;
  private readonly sampling = new Map<Container, () => void>();

  constructor(private readonly options: TelemetryOptions) {
    const { inventory, environment } = options;
    this.cards = new Map(inventory.gpus.map((gpu) => [gpu.uuid, gpu]));
    if (inventory.smi !== null && inventory.gpus.length > 0) {
      this.sampler = new GpuSampler(
        inventory.smi,
        environment,
        (gpu) => this.sampled(gpu),
        (error) => options.warn(`GPU memory is not sampled: ${String(error)}`),
      );
    }
  }

  containers(): ContainerInfo[] {
    return [...this.options.containers()].map((container) => this.describe(container));
  }

  gpus(): { gpus: Gpu[]; note: string | null } {
    return { gpus: [...this.cards.values()], note: this.options.inventory.note };
  }

  onContainers(listener: (containers: ContainerInfo[]) => void): () => void {
    this.containerListeners.add(listener);
    return () => this.containerListeners.delete(listener);
  }

  onGpus(listener: (gpus: Gpu[]) => void): () => void {
    this.gpuListeners.add(listener);
    return () => this.gpuListeners.delete(listener);
  }

  /** Something about a container changed. */
  changed(): void {
    if (this.containerListeners.size === 0) return;
    this.timer ??= this.options.clock.timer(TELL_WITHIN_MS, () => {
      this.timer = undefined;
      const containers = this.containers();
      for (const listener of this.containerListeners) listener(containers);
    });
  }

  /** Cards are sampled only while a container holds some. */
  gpusHeld(container: Container, held: boolean): void {
    if (held && this.sampler !== undefined) this.sampling.set(container, this.sampler.use());
    else {
      this.sampling.get(container)?.();
      this.sampling.delete(container);
    }
  }

  memory(container: Container, message: Extract<WorkerMessage, { type: 'memory' }>): void {
    const { type, device, usedBytes, call, ...rest } = message;
    if (device === 'host') container.memoryBytes = usedBytes;
    const at = this.options.clock.now();
    const sample: MemorySample = { type, at, device, usedBytes, ...rest };
    const run = call === null ? undefined : container.inflight.get(call)?.run;
    const runs = run === undefined ? this.options.audience(container) : [run];
    for (const each of runs) each.publish(sample);
  }

  async dispose(): Promise<void> {
    this.timer?.();
    this.timer = undefined;
    this.containerListeners.clear();
    this.gpuListeners.clear();
    await this.sampler?.stop();
  }

  private sampled(gpu: Gpu): void {
    if (!this.cards.has(gpu.uuid)) return;
    this.cards.set(gpu.uuid, gpu);
    for (const listener of this.gpuListeners) listener([...this.cards.values()]);
    if (gpu.memoryUsedBytes === null) return;
    const sample: MemorySample = {
      type: 'memory',
      at: this.options.clock.now(),
      device: `${gpu.model ?? gpu.name} ${gpu.index}`,
      usedBytes: gpu.memoryUsedBytes,
      totalBytes: gpu.memoryTotalBytes,
      source: 'nvidia-smi',
    };
    for (const container of this.sampling.keys()) {
      if (!container.gpus.some((card) => card.uuid === gpu.uuid)) continue;
      for (const run of this.options.audience(container)) run.publish(sample);
    }
  }

  private describe(container: Container): ContainerInfo {
    const { origin, gpu } = container;
    return {
      container: container.id,
      app: origin.app,
      image: origin.image.key,
      engine: this.options.engine,
      state: stateOf(container),
      gpu: gpu === null ? null : gpuLabel(gpu.name, gpu.count),
      pid: container.placed?.pid ?? null,
      startedAt: container.startedAt,
      idleUntil: container.idleUntil,
      memoryBytes: container.memoryBytes,
      runs: [...this.options.audience(container)].map((run) => run.id),
    };
  }
}

function stateOf(container: Container): ContainerInfo['state'] {
  switch (container.state) {
    case 'starting':
      return 'starting';
    case 'loading':
      return 'busy';
    case 'ready':
      return container.idle ? 'idle' : 'busy';
    case 'stopping':
    case 'ended':
      return 'stopping';
  }
}
