/** The containers there are: by pool, with their cards, their idle time, and room for more. */
import type { Environment } from '../protocol/deployments';
import type { Gpu } from '../protocol/methods';
import type { RunError } from '../protocol/values';
import type { Adoption } from './adoption';
import { chooseCards, choicesLabel, serveAny, type CardChoice } from './cards';
import type { Clock } from './clock';
import type { Container } from './container';
import { dispensable, heldBy, usingPlaces } from './room';
import type { Target } from './target';
import { Turns } from './turns';
import { volumeOf } from '../store/volumes';

/** Beyond the usual number, for calls whose parents hold a place and wait for them. */
const NESTED_EXTRA = 48;

export interface ContainersOptions {
  clock: Clock;
  gpus: readonly Gpu[];
  /** Those that an earlier runtime left. */
  adoption: Pick<Adoption, 'has' | 'heldGpus' | 'holding' | 'giveUp'>;
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

/** Whether a container can start now. `line`: the things any of which is waited for. */
export type Room =
  | { is: 'free' }
  /** Free once something that nobody needs has ended; `make` ends it. */
  | {
      is: 'idle';
      reason: string;
      line: readonly string[];
      /** Where that is deployed. */
      of: Environment | undefined;
      make: () => void;
    }
  /** `soon`: something is ending already. */
  | { is: 'taken'; reason: string; line: readonly string[]; soon: boolean }
  /** It never can. */
  | { is: 'none'; error: RunError };

const COMING_BACK = 'waiting for a container of an earlier runtime';
const FREE: Room = { is: 'free' };
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
    return cards && this.hasPlace(target);
  }

  /** Whether one may start now, or after an idle one that is in the way. Changes nothing. */
  roomFor(target: Target): Room {
    const adoptable = this.adoptable(target);
    if (adoptable === 'soon') return { is: 'taken', reason: COMING_BACK, line: PLACES, soon: true };
    if (adoptable === 'now') return this.placeFor(target);
    const cards = this.roomOnCards(target);
    return cards.is === 'free' ? this.placeFor(target) : cards;
  }

  /** Whether one that an earlier runtime left can take its calls. */
  adoptable(target: Target): 'now' | 'soon' | undefined {
    return this.options.adoption.has(target.poolKey);
  }

  /** Cards that are free though they are too few stay so for it: those behind it don't get them in this round. */
  claim(target: Target): void {
    const { choices } = target;
    if (this.cardsFor(target) !== undefined) return;
    for (const gpu of serveAny(choices, this.freeCards())) this.claimed.add(gpu.uuid);
  }

  /** Ends what is idle in the way of a container of production that nobody waits for. True where room comes. */
  makeWay(target: Target): boolean {
    if (target.environment !== 'production') return false;
    const room = this.roomFor(target);
    if (room.is === 'idle' && room.of !== 'production') room.make();
    return (room.is === 'idle' && room.of !== 'production') || (room.is === 'taken' && room.soon);
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
      [origin, target].some(({ environment, function: { options } }) =>
        Object.values(options.volumes).some((each) => volumeOf(each, environment) === name),
      ),
    );
  }

  private freeCards(): Gpu[] {
    const held = new Set([...this.claimed, ...this.options.adoption.heldGpus]);
    for (const container of this.all.values()) for (const gpu of container.gpus) held.add(gpu.uuid);
    return this.options.gpus.filter((gpu) => !held.has(gpu.uuid));
  }

  private roomOnCards(target: Target): Room {
    const { choices } = target;
    if (choices.length === 0 || this.cardsFor(target) !== undefined) return FREE;
    const wanted = serveAny(choices, this.options.gpus);
    const line = wanted.map((gpu) => gpu.uuid);
    const holders = [...this.all.values()].filter((container) =>
      container.gpus.some((gpu) => line.includes(gpu.uuid)),
    );
    const what = `waiting for a free ${choicesLabel(choices)}`;
    const { adoption } = this.options;
    const left = adoption.holding(new Set(line), target);
    if (left.length > 0) {
      const make = (): void => adoption.giveUp(left);
      const reason = `${what}: ending a container of an earlier runtime`;
      return { is: 'idle', reason, line, of: undefined, make };
    }
    return (
      this.roomAmong(target, holders, what, line) ?? {
        is: 'taken',
        reason: `${what}: ${heldBy(target, holders)}`,
        line,
        soon: false,
      }
    );
  }

  private hasPlace(target: Target): boolean {
    const { limit } = this.options;
    const all = [...this.all.values()];
    const waiting = all.filter((container) => container.blocked).length;
    const using = usingPlaces(target, all).length;
    return using < limit && using + waiting < limit + NESTED_EXTRA;
  }

  private placeFor(target: Target): Room {
    if (this.hasPlace(target)) return FREE;
    const using = usingPlaces(target, this.all.values());
    if (using.length === 0) return { is: 'none', error: tooDeep(this.all.size) };
    const what = 'waiting for a place';
    return (
      this.roomAmong(target, using, what, PLACES) ?? {
        is: 'taken',
        reason: `${what}: all ${using.length} containers are busy`,
        line: PLACES,
        soon: false,
      }
    );
  }

  /** What one of the holders gives up, if one can. */
  private roomAmong(
    target: Target,
    holders: readonly Container[],
    what: string,
    line: readonly string[],
  ): Room | undefined {
    if (holders.some((holder) => holder.state === 'stopping')) {
      return { is: 'taken', reason: `${what}: an idle container is ending`, line, soon: true };
    }
    const idle = dispensable(target, holders, (holder) => ({
      free: this.mayBeTaken(holder) || this.comesForNobody(holder),
      kept: this.options.kept(holder),
      idleSince: this.idleSince.get(holder) ?? Infinity,
    }));
    if (idle === undefined) return undefined;
    const { app, environment: of } = idle.origin;
    const reason = `${what}: ending an idle container of ${app}`;
    return { is: 'idle', reason, line, of, make: () => this.options.discard(idle) };
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
