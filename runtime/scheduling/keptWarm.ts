/** Containers that functions want at hand (`min_containers`, `buffer_containers`): brought up ahead, and kept. */
import type { RunError } from '../protocol/values';
import type { Call } from './call';
import type { Clock } from './clock';
import type { Container } from './container';
import type { Containers } from './containers';
import type { Lane } from './lane';
import type { Preparations } from './preparations';
import type { StartFailures } from './startFailures';
import type { Target } from './target';
import { missingContainers, mustStay, type WarmGroup, type WarmWish } from './warmPool';
import { WarmWishes, type Wish } from './warmWishes';

export interface KeptWarmOptions {
  clock: Clock;
  containers: Containers;
  failures: StartFailures;
  /** Lanes with waiting calls. */
  waiting: () => Iterable<Lane>;
  preparations: Pick<Preparations, 'isReady'>;
  start: (target: Target) => void;
  reload: (container: Container, target: Target) => void;
  /** The time has come to look again. */
  wake: () => void;
}

/** A version on its way to being served. */
export interface Bringing {
  /**
   * Resolves when as many containers are up as its functions want, or as there is room for; with why a further one
   * did not come up, where that failed. Resolves at once where nobody wants it any more.
   */
  filled: (gone: AbortSignal) => Promise<RunError | undefined>;
  /** It is served now, or won't be. */
  over: () => void;
}

/** What can be done for a group now. */
type Standing = 'full' | 'coming' | 'failing' | 'no room';

export class KeptWarm {
  private readonly known = new WarmWishes();
  /** Versions that wait for their containers. */
  private readonly waiting = new Map<
    object,
    { groups: readonly Target[]; settle: (error: RunError | undefined) => void }
  >();
  private timer: (() => void) | undefined;

  constructor(private readonly options: KeptWarmOptions) {}

  /** A call of the function came. */
  used(call: Call): void {
    this.known.used(call);
  }

  /** Brings containers of a version up beside those of the one that is served. */
  bring(targets: readonly Target[]): Bringing {
    const undo = this.known.expect(targets);
    const key = {};
    const groups = targets.filter(({ function: { options } }) => options.minContainers > 0);
    return {
      filled: (gone) =>
        new Promise((settle) => {
          if (gone.aborted) {
            settle(undefined);
            return;
          }
          this.waiting.set(key, { groups, settle });
          gone.addEventListener('abort', () => settle(undefined), { once: true });
          this.options.wake();
        }),
      over: () => {
        undo();
        this.waiting.get(key)?.settle(undefined);
        this.waiting.delete(key);
      },
    };
  }

  /** An environment serves these functions from now on: theirs are kept, those of others go. */
  serve(owner: string, targets: readonly Target[]): void {
    this.known.serve(owner, targets);
  }

  /** True when containers of the group are wished for, whether or not calls wait. */
  wishes(groupKey: string): boolean {
    return this.known.of(groupKey).length > 0;
  }

  /** True when the container has to stay though nothing calls for it. */
  keeps({ groupKey }: Container): boolean {
    if (this.known.none || groupKey === undefined) return false;
    const wishes = this.known.of(groupKey);
    return wishes.length > 0 && mustStay(this.group(groupKey, wishes));
  }

  /** Somebody ended one of them: none is brought up until their functions are used again. */
  stopped(container: Container): void {
    this.known.stopped(container.groupKey);
  }

  /** Brings up what is missing, and lets go of what is no longer wanted. */
  review(): void {
    this.timer?.();
    this.timer = undefined;
    const { clock, containers, wake, failures } = this.options;
    let wakeInMs = this.known.review(clock.monotonic(), (target) => this.hasCalls(target));
    const standings = new Map<string, Standing>();
    for (const target of this.known.groups()) {
      const standing = this.bringUp(target);
      standings.set(target.groupKey, standing);
      if (standing === 'failing') {
        wakeInMs = Math.min(wakeInMs, failures.waitMs(target.groupKey));
      }
    }
    containers.reviewIdle();
    this.settle(standings);
    if (wakeInMs < Infinity) this.timer = clock.timer(wakeInMs, wake);
  }

  dispose(): void {
    this.timer?.();
    this.timer = undefined;
    this.known.clear();
    for (const { settle } of this.waiting.values()) settle(undefined);
    this.waiting.clear();
  }

  /** Tells those who wait for their containers that there is nothing more to wait for. */
  private settle(standings: ReadonlyMap<string, Standing>): void {
    for (const [key, { groups, settle }] of this.waiting) {
      const stands = groups.map(({ groupKey }) => standings.get(groupKey));
      const failed = groups.find((_, index) => stands[index] === 'failing');
      if (failed === undefined && stands.includes('coming')) continue;
      this.waiting.delete(key);
      settle(failed && this.options.failures.last(failed.groupKey));
    }
  }

  private bringUp(target: Target): Standing {
    const { containers, failures } = this.options;
    const { groupKey, poolKey } = target;
    const group = this.group(groupKey, this.known.of(groupKey));
    const missing = missingContainers(group);
    if (missing === 0) return group.coming > 0 ? 'coming' : 'full';
    if (failures.waitMs(groupKey) > 0) return 'failing';
    for (let count = 0; count < missing; count += 1) {
      const reloadable = [...containers.of(poolKey)].find(
        (container) =>
          container.groupKey !== groupKey &&
          containers.mayBeTaken(container) &&
          !this.keeps(container),
      );
      if (reloadable !== undefined) this.options.reload(reloadable, target);
      else if (containers.hasRoom(target)) {
        if (!this.options.preparations.isReady(target)) return 'coming';
        this.options.start(target);
      } else if (count > 0 || group.coming > 0 || containers.makeWay(target)) return 'coming';
      else return 'no room';
    }
    return 'coming';
  }

  private hasCalls({ poolKey, groupKey, functionKey }: Target): boolean {
    for (const container of this.options.containers.of(poolKey)) {
      const working = container.inflight.size > 0 && container.groupKey === groupKey;
      if (working && container.target.functionKey === functionKey) return true;
    }
    for (const { target } of this.options.waiting()) {
      if (target.groupKey === groupKey && target.functionKey === functionKey) return true;
    }
    return false;
  }

  private group(groupKey: string, kept: readonly Wish[]): WarmGroup {
    const working = new Map<string, number>();
    const waiting = new Map<string, number>();
    let idle = 0;
    let coming = 0;
    const [first] = kept;
    const pool = first === undefined ? [] : this.options.containers.of(first.target.poolKey);
    for (const container of pool) {
      if (container.groupKey !== groupKey) continue;
      if (container.state === 'starting' || container.state === 'loading') coming += 1;
      else if (container.idle) idle += 1;
      else if (container.state === 'ready') add(working, container.target.functionKey, 1);
    }
    for (const lane of this.options.waiting()) {
      if (lane.target.groupKey === groupKey) add(waiting, lane.target.functionKey, lane.waiting);
    }
    const now = this.options.clock.monotonic();
    const wishes = kept.map(({ target, activeUntil }): WarmWish => {
      const { functionKey, maxContainers } = target;
      const { minContainers, bufferContainers } = target.function.options;
      return {
        min: minContainers,
        buffer: bufferContainers,
        max: maxContainers,
        active: now < activeUntil,
        working: take(working, functionKey),
        waiting: take(waiting, functionKey),
      };
    });
    return { wishes, others: { working: sum(working), waiting: sum(waiting) }, idle, coming };
  }
}

function add(counts: Map<string, number>, key: string, more: number): void {
  counts.set(key, (counts.get(key) ?? 0) + more);
}

function take(counts: Map<string, number>, key: string): number {
  const count = counts.get(key) ?? 0;
  counts.delete(key);
  return count;
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, each) => total + each, 0);
}
