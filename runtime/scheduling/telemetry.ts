/** Containers, cards and memory as watchers see them. */
import type { MemorySample } from '../protocol/events';
import type { Container as ContainerInfo, Gpu, GpuList } from '../protocol/methods';
import type { WorkerMessage } from '../protocol/workerMessages';
import { gpuLabel } from '../gpu/names';
import { CardTelemetry, type CardTelemetryOptions } from './cardTelemetry';
import type { Container } from './container';

/** A burst of changes is told once. */
const TELL_WITHIN_MS = 50;

export interface TelemetryOptions extends CardTelemetryOptions {
  engine: string;
  containers: () => Iterable<Container>;
}

export class Telemetry {
  private readonly containerListeners = new Set<(containers: ContainerInfo[]) => void>();
  private readonly cards: CardTelemetry;
  private timer: (() => void) | undefined;

  constructor(private readonly options: TelemetryOptions) {
    this.cards = new CardTelemetry(options);
  }

  containers(): ContainerInfo[] {
    return [...this.options.containers()].map((container) => this.describe(container));
  }

  gpus(): GpuList {
    return this.cards.list();
  }

  /** With a sample taken now. */
  readGpus(): Promise<GpuList> {
    return this.cards.read();
  }

  onContainers(listener: (containers: ContainerInfo[]) => void): () => void {
    this.containerListeners.add(listener);
    return () => this.containerListeners.delete(listener);
  }

  onGpus(listener: (gpus: Gpu[]) => void): () => void {
    return this.cards.onChange(listener);
  }

  /** Something about a container changed. */
  changed(): void {
    this.cards.changed();
    if (this.containerListeners.size === 0) return;
    this.timer ??= this.options.clock.timer(TELL_WITHIN_MS, () => {
      this.timer = undefined;
      const containers = this.containers();
      for (const listener of this.containerListeners) listener(containers);
    });
  }

  gpusHeld(container: Container, held: boolean): void {
    this.cards.held(container, held);
  }

  memory(container: Container, message: Extract<WorkerMessage, { type: 'memory' }>): void {
    const { type, device, usedBytes, call, ...rest } = message;
    if (device === 'host') container.memoryBytes = usedBytes;
    const at = this.options.clock.now();
    const sample: MemorySample = { type, at, device, usedBytes, ...rest };
    const own = call === null ? undefined : container.inflight.get(call);
    // torch counts anew for each call; its calls that run at once can't be told apart.
    if (message.source === 'torch' && own?.target.concurrency === 1) {
      own.held(device, message.peakBytes);
    }
    const runs = own === undefined ? this.options.audience(container) : [own.run];
    for (const each of runs) each.publish(sample);
  }

  async dispose(): Promise<void> {
    this.timer?.();
    this.timer = undefined;
    this.containerListeners.clear();
    await this.cards.dispose();
  }

  private describe(container: Container): ContainerInfo {
    const { origin, gpu } = container;
    return {
      container: container.id,
      app: origin.app,
      ...(origin.environment === undefined ? {} : { environment: origin.environment }),
      image: origin.image.key,
      engine: this.options.engine,
      state: stateOf(container),
      gpu: gpu === null ? null : gpuLabel(gpu.name, gpu.count),
      pid: container.placed?.pid ?? null,
      startedAt: container.startedAt,
      idleUntil: container.idleUntil,
      memoryBytes: container.memoryBytes,
      gpuMemoryBytes: this.cards.usedBy(container),
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
