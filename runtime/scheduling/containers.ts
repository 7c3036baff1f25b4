/** The containers there are: by pool, with their cards, their idle time, and room for more. */
import type { Gpu } from '../protocol/methods';
import type { RunError } from '../protocol/values';
import type { Adoption } from './adoption';
import { chooseCards, choicesLabel, serveAny, type CardChoice } from './cards';
import type { Clock } from './clock';
import type { Container } from './container';
import type { Target } from './target';
import { Turns } from './turns';

/** Beyond the usual number, for calls whose parents hold a place and wait for them. */
const NESTED_EXTRA = 48;

export interface ContainersOptions {
  clock: Clock;
  gpus: readonly Gpu[];
  /** Those that an earlier runtime left. */
  adoption: Pick<Adoption, 'has' | 'heldGpus' | 'giveUp'>;
  /** Containers at once; those that only wait for others are not counted. */
  limit: number;
  /** Ends a container that has been idle for its whole window, or whose place is needed. */
  discard: (container: Container) => void;
  /** True when calls wait for this container, as it is loaded. */
  awaited: (container: Container) => boolean;
  /** True when it has to stay for its function though nothing calls for it. */
  kept: (container: Container) => boolean;
  changed: () => void;
}

/** Why no container can start now, or that none ever can. `line`: the things any of which is waited for. */
export type Refusal = { reason: string; line: readonly string[] } | { error: RunError };

const COMING_BACK = 'waiting for a container of an earlier runtime';
const PLACES: readonly string[] = ['places'];

export class Containers {
  readonly all = new Map<string, Container>();
  private readonly pools = new Map<string, Set<Container>>();
  private readonly idleTimers = new Map<Container, () => void>();
  private readonly idleSince = new Map<Container, number>();
  private readonly turns: Turns<Container>;
  /** Cards that those who are earlier in turn wait for, so that they don't go to those behind. */
  private readonly claimed = new Set<string>();

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

  /** It has nothing to do: it stays for its function's window, and on where it is kept. */
  becomeIdle(container: Container): void {
    if (!container.idle) return;
    if (!this.idleSince.has(container)) {
      this.idleSince.set(container, this.options.clock.monotonic());
      this.options.changed();
    }
    this.limitIdle(container);
  }

  /** What has to be kept may have changed. */
  reviewIdle(): void {
    for (const container of this.idleSince.keys()) this.limitIdle(container);
  }

  notIdle(container: Container): void {
    this.turns.used(container);
    this.stopTimer(container);
    this.idleSince.delete(container);
  }

  /** Places are given out anew, in turn. */
  beginRound(): void {
    this.claimed.clear();
  }

  /** The cards that a container for the target gets now; undefined where none of its choices is free. */
  cardsFor({ choices }: Target): CardChoice | undefined {
    return chooseCards(choices, this.freeCards());
  }

  /** True when a container may start without ending another. */
  hasRoom(target: Target): boolean {
    const cards = target.choices.length === 0 || this.cardsFor(target) !== undefined;
    return cards && this.hasPlace();
  }

  /** Undefined when one may start now. Where an idle one is in the way, that is ended first. */
  refusal(target: Target): Refusal | undefined {
    const adoptable = this.options.adoption.has(target.poolKey);
    if (adoptable === 'soon') return { reason: COMING_BACK, line: PLACES };
    if (adoptable === 'now') return this.refusalOfPlaces();
    return this.refusalOfCards(target) ?? this.refusalOfPlaces();
  }

  private limitIdle(container: Container): void {
    const { clock } = this.options;
    const since = this.idleSince.get(container);
    if (since === undefined) return;
    if (this.options.kept(container)) {
      if (this.stopTimer(container)) this.options.changed();
      return;
    }
    if (this.idleTimers.has(container)) return;
    const { scaledownWindowMs } = container.target.function.options;
    const leftMs = Math.max(0, since + scaledownWindowMs - clock.monotonic());
    container.idleUntil = clock.now() + leftMs;
    const cancel = clock.timer(leftMs, () => {
      this.stopTimer(container);
      if (container.idle && !this.options.kept(container)) this.options.discard(container);
    });
    this.idleTimers.set(container, cancel);
    this.options.changed();
  }

  private stopTimer(container: Container): boolean {
    this.idleTimers.get(container)?.();
    container.idleUntil = null;
    return this.idleTimers.delete(container);
  }

  /** True while a container has a function that names the volume. */
  useVolume(name: string): boolean {
    return [...this.all.values()].some(({ origin, target }) =>
      [origin, target].some((used) => Object.values(used.function.options.volumes).includes(name)),
    );
  }

  private freeCards(): Gpu[] {
    const held = new Set([...this.claimed, ...this.options.adoption.heldGpus]);
    for (const container of this.all.values()) for (const gpu of container.gpus) held.add(gpu.uuid);
    return this.options.gpus.filter((gpu) => !held.has(gpu.uuid));
  }

  private refusalOfCards(target: Target): Refusal | undefined {
    const { choices } = target;
    if (choices.length === 0 || this.cardsFor(target) !== undefined) return undefined;
    const wanted = serveAny(choices, this.options.gpus);
    const line = wanted.map((gpu) => gpu.uuid);
    for (const gpu of serveAny(choices, this.freeCards())) this.claimed.add(gpu.uuid);
    const holders = [...this.all.values()].filter((container) =>
      container.gpus.some((gpu) => line.includes(gpu.uuid)),
    );
    const what = `waiting for a free ${choicesLabel(choices)}`;
    if (this.options.adoption.giveUp(new Set(line))) {
      return { reason: `${what}: ending a container of an earlier runtime`, line };
    }
    if (holders.some((holder) => holder.state === 'stopping')) {
      return { reason: `${what}: an idle container is ending`, line };
    }
    const idle = this.dispensable(holders);
    if (idle !== undefined) {
      this.options.discard(idle);
      return { reason: `${what}: ending an idle container of ${idle.origin.app}`, line };
    }
    const apps = [...new Set(holders.map((holder) => holder.origin.app))];
    const by = apps.length === 0 ? 'others are before it' : `in use by ${apps.join(', ')}`;
    return { reason: `${what}: ${by}`, line };
  }

  private hasPlace(): boolean {
    const { limit } = this.options;
    const counted = this.counted();
    return counted.length < limit && this.all.size < limit + NESTED_EXTRA;
  }

  /** Containers that use the place which they hold. */
  private counted(): Container[] {
    return [...this.all.values()].filter((container) => !container.blocked);
  }

  private refusalOfPlaces(): Refusal | undefined {
    if (this.hasPlace()) return undefined;
    const counted = this.counted();
    if (counted.length === 0) return { error: tooDeep(this.all.size) };
    const line = PLACES;
    if (counted.some((container) => container.state === 'stopping')) {
      return { reason: 'waiting for a place: an idle container is ending', line };
    }
    const idle = this.dispensable(counted);
    if (idle === undefined) {
      return { reason: `waiting for a place: all ${counted.length} containers are busy`, line };
    }
    this.options.discard(idle);
    return { reason: `waiting for a place: ending an idle container of ${idle.origin.app}`, line };
  }

  /** One whose place may go to calls that wait: first what nobody wishes to keep, then what is idle longest. */
  private dispensable(containers: readonly Container[]): Container | undefined {
    const since = (container: Container): number => this.idleSince.get(container) ?? Infinity;
    const rank = (container: Container): number => (this.options.kept(container) ? 1 : 0);
    return containers
      .filter((container) => this.mayBeTaken(container) || this.comesForNobody(container))
      .sort((a, b) => rank(a) - rank(b) || since(a) - since(b))[0];
  }

  /** It comes up ahead of calls. */
  private comesForNobody(container: Container): boolean {
    const coming = container.state === 'starting' || container.state === 'loading';
    return coming && !this.options.awaited(container);
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
