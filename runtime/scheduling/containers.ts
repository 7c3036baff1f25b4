/** The containers there are: by pool, with their cards, their idle time, and room for more. */
import type { GpuRequest } from '../protocol/description';
import type { Gpu } from '../protocol/methods';
import type { RunError } from '../protocol/values';
import { cardServes, gpuLabel } from '../gpu/names';
import type { Clock } from './clock';
import type { Container } from './container';
import type { Target } from './target';
import { Turns } from './turns';

/** Beyond the usual number, for calls whose parents hold a place and wait for them. */
const NESTED_EXTRA = 48;

export interface ContainersOptions {
  clock: Clock;
  gpus: readonly Gpu[];
  /** Containers at once; those that only wait for others are not counted. */
  limit: number;
  /** Ends a container that has been idle for its whole window, or whose place is needed. */
  discard: (container: Container) => void;
  /** True when calls wait for this container, as it is loaded. */
  awaited: (container: Container) => boolean;
  changed: () => void;
}

/** Why no container can start now, or that none ever can. */
export type Refusal = { reason: string } | { error: RunError };

export class Containers {
  readonly all = new Map<string, Container>();
  private readonly pools = new Map<string, Set<Container>>();
  private readonly idleTimers = new Map<Container, () => void>();
  private readonly idleSince = new Map<Container, number>();
  private readonly turns: Turns<Container>;

  constructor(private readonly options: ContainersOptions) {
    this.turns = new Turns(options.clock);
  }

  /** Containers with this pool key, those that stop included. */
  of(poolKey: string): Iterable<Container> {
    return this.pools.get(poolKey) ?? [];
  }

  add(container: Container): void {
    this.all.set(container.id, container);
    const { poolKey } = container.origin;
    const pool = this.pools.get(poolKey) ?? new Set();
    pool.add(container);
    this.pools.set(poolKey, pool);
  }

  /** Forgets a container whose process is gone. */
  delete(container: Container): void {
    this.notIdle(container);
    this.all.delete(container.id);
    const { poolKey } = container.origin;
    const pool = this.pools.get(poolKey);
    pool?.delete(container);
    if (pool?.size === 0) this.pools.delete(poolKey);
  }

  /** It starts, or loads other code. */
  coming(container: Container): void {
    this.turns.coming(container);
  }

  /** It has come up, or loaded what it was to load. */
  ready(container: Container): void {
    this.turns.ready(container);
  }

  /** True when others may end it, or load their code into it. */
  mayBeTaken(container: Container): boolean {
    return container.idle && (this.turns.isOver(container) || !this.options.awaited(container));
  }

  /** It has nothing to do: it stays for its function's window, for good where `min_containers` wants it. */
  becomeIdle(container: Container): void {
    if (!container.idle || this.idleTimers.has(container)) return;
    const { clock } = this.options;
    const windowMs = container.target.function.options.scaledownWindowMs;
    this.idleSince.set(container, clock.monotonic());
    if (this.isWanted(container)) return;
    container.idleUntil = clock.now() + windowMs;
    const cancel = clock.timer(windowMs, () => {
      this.idleTimers.delete(container);
      container.idleUntil = null;
      if (container.idle && !this.isWanted(container)) this.options.discard(container);
    });
    this.idleTimers.set(container, cancel);
    this.options.changed();
  }

  notIdle(container: Container): void {
    this.turns.used(container);
    this.idleTimers.get(container)?.();
    this.idleTimers.delete(container);
    this.idleSince.delete(container);
    container.idleUntil = null;
  }

  /** True while a container has a function that names the volume. */
  useVolume(name: string): boolean {
    return [...this.all.values()].some(({ origin, target }) =>
      [origin, target].some((used) => Object.values(used.function.options.volumes).includes(name)),
    );
  }

  /** Cards that nobody holds and that serve the request. */
  freeCards(request: GpuRequest | null): Gpu[] {
    if (request === null) return [];
    const held = new Set<string>();
    for (const container of this.all.values()) for (const gpu of container.gpus) held.add(gpu.uuid);
    return this.options.gpus.filter(
      (gpu) => cardServes(gpu.name, request.name) && !held.has(gpu.uuid),
    );
  }

  /** Undefined when one may start now. Where an idle one is in the way, that is ended first. */
  refusal(target: Target): Refusal | undefined {
    return this.refusalOfCards(target.gpu) ?? this.refusalOfPlaces();
  }

  private refusalOfCards(request: GpuRequest | null): Refusal | undefined {
    if (request === null || this.freeCards(request).length >= request.count) return undefined;
    const holders = [...this.all.values()].filter((container) =>
      container.gpus.some((gpu) => cardServes(gpu.name, request.name)),
    );
    const what = `waiting for a free ${gpuLabel(request.name, request.count)}`;
    if (holders.some((holder) => holder.state === 'stopping')) {
      return { reason: `${what}: an idle container is ending` };
    }
    const idle = this.longestIdle(holders);
    if (idle !== undefined) {
      this.options.discard(idle);
      return { reason: `${what}: ending an idle container of ${idle.origin.app}` };
    }
    const apps = [...new Set(holders.map((holder) => holder.origin.app))];
    return { reason: `${what}: in use by ${apps.join(', ')}` };
  }

  private refusalOfPlaces(): Refusal | undefined {
    const { limit } = this.options;
    const containers = [...this.all.values()];
    const counted = containers.filter((container) => !container.blocked);
    if (counted.length < limit && containers.length < limit + NESTED_EXTRA) return undefined;
    if (counted.length === 0) return { error: tooDeep(containers.length) };
    if (counted.some((container) => container.state === 'stopping')) {
      return { reason: 'waiting for a place: an idle container is ending' };
    }
    const idle = this.longestIdle(counted);
    if (idle === undefined) {
      return { reason: `waiting for a place: all ${counted.length} containers are busy` };
    }
    this.options.discard(idle);
    return { reason: `waiting for a place: ending an idle container of ${idle.origin.app}` };
  }

  private longestIdle(containers: readonly Container[]): Container | undefined {
    const since = (container: Container): number => this.idleSince.get(container) ?? Infinity;
    const idle = containers.filter(
      (container) => this.mayBeTaken(container) && container.load !== null,
    );
    return idle.sort((a, b) => since(a) - since(b))[0];
  }

  /** True when its function keeps that many containers even while idle. */
  private isWanted(container: Container): boolean {
    const { minContainers } = container.target.function.options;
    if (minContainers === 0) return false;
    const staying = [...this.of(container.origin.poolKey)].filter(
      (each) =>
        each.state !== 'stopping' &&
        each.target.function.qualname === container.target.function.qualname,
    );
    return staying.length <= minContainers;
  }
}

function tooDeep(containers: number): RunError {
  return {
    kind: 'capacity',
    type: 'TooManyNestedCalls',
    message: `All ${containers} containers wait for calls that they made, and no more may start.`,
    traceback: [],
    hint: 'Call functions less deeply from within functions, or call them with `.local()`.',
  };
}
