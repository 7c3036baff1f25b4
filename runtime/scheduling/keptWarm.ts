/** Containers that functions want at hand (`min_containers`, `buffer_containers`): brought up ahead, and kept. */
import type { Call } from './call';
import type { Clock } from './clock';
import type { Container } from './container';
import type { Containers } from './containers';
import type { Lane } from './lane';
import type { StartFailures } from './startFailures';
import type { Target } from './target';
import { missingContainers, mustStay, type WarmGroup, type WarmWish } from './warmPool';

/** One function that wishes for containers, in the version that counts. */
interface Kept {
  target: Target;
  /** When the run began that brought this version, ms since the epoch. */
  since: number;
  /** Until then it is active, in monotonic ms; Infinity while it has calls. */
  activeUntil: number;
}

export interface KeptWarmOptions {
  clock: Clock;
  containers: Containers;
  failures: StartFailures;
  /** Lanes with waiting calls. */
  waiting: () => Iterable<Lane>;
  start: (target: Target) => void;
  reload: (container: Container, target: Target) => void;
  /** The time has come to look again. */
  wake: () => void;
}

export class KeptWarm {
  private readonly functions = new Map<string, Kept>();
  private timer: (() => void) | undefined;

  constructor(private readonly options: KeptWarmOptions) {}

  /** A call of the function came. Of several versions of its code the one of the newest run counts. */
  used({ target, run }: Call): void {
    const { minContainers, bufferContainers } = target.function.options;
    const known = this.functions.get(target.functionKey);
    if (known !== undefined && known.since > run.startedAt) return;
    if (minContainers > 0 || bufferContainers > 0) {
      this.functions.set(target.functionKey, {
        target,
        since: run.startedAt,
        activeUntil: Infinity,
      });
    } else if (known !== undefined) {
      this.functions.delete(target.functionKey);
    }
  }

  /** True when the container has to stay though nothing calls for it. */
  keeps(container: Container): boolean {
    if (this.functions.size === 0) return false;
    const { groupKey } = container;
    const kept = groupKey === undefined ? [] : this.keptOf(groupKey);
    return kept.length > 0 && mustStay(this.group(groupKey ?? '', kept));
  }

  /** Somebody ended one of them: none is brought up until their functions are used again. */
  stopped(container: Container): void {
    for (const [key, { target }] of this.functions) {
      if (target.groupKey === container.groupKey) this.functions.delete(key);
    }
  }

  /** Brings up what is missing, and lets go of what is no longer wanted. */
  review(): void {
    this.timer?.();
    this.timer = undefined;
    const now = this.options.clock.monotonic();
    const groups = new Map<string, Target>();
    let wakeInMs = Infinity;
    for (const [key, kept] of this.functions) {
      const { target } = kept;
      const { minContainers, scaledownWindowMs } = target.function.options;
      if (this.hasCalls(target)) kept.activeUntil = Infinity;
      else if (kept.activeUntil === Infinity) kept.activeUntil = now + scaledownWindowMs;
      if (kept.activeUntil > now) wakeInMs = Math.min(wakeInMs, kept.activeUntil - now);
      else if (minContainers === 0) this.functions.delete(key);
      if (this.functions.has(key)) groups.set(target.groupKey, target);
    }
    for (const target of groups.values()) wakeInMs = Math.min(wakeInMs, this.bringUp(target));
    this.options.containers.reviewIdle();
    if (wakeInMs < Infinity) this.timer = this.options.clock.timer(wakeInMs, this.options.wake);
  }

  dispose(): void {
    this.timer?.();
    this.timer = undefined;
    this.functions.clear();
  }

  /** ms after which it is worth trying again; Infinity where only an event can change something. */
  private bringUp(target: Target): number {
    const { containers, failures } = this.options;
    const { groupKey, poolKey } = target;
    const missing = missingContainers(this.group(groupKey, this.keptOf(groupKey)));
    const waitMs = missing === 0 ? Infinity : failures.waitMs(groupKey);
    if (waitMs > 0) return waitMs;
    for (let count = 0; count < missing; count += 1) {
      const reloadable = [...containers.of(poolKey)].find(
        (container) =>
          container.groupKey !== groupKey &&
          containers.mayBeTaken(container) &&
          !this.keeps(container),
      );
      if (reloadable !== undefined) this.options.reload(reloadable, target);
      else if (containers.hasRoom(target)) this.options.start(target);
      else break;
    }
    return Infinity;
  }

  private keptOf(groupKey: string): Kept[] {
    return [...this.functions.values()].filter((kept) => kept.target.groupKey === groupKey);
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

  private group(groupKey: string, kept: readonly Kept[]): WarmGroup {
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
