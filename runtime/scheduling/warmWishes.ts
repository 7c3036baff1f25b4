/** Functions that want containers at hand, each in the version that counts: used last, served, or about to be. */
import type { Call } from './call';
import { isReadiness, type Target } from './target';

export interface Wish {
  target: Target;
  /** When the run began that brought this version, ms since the epoch. */
  since: number;
  /** Until then it is active, in monotonic ms; Infinity while it has calls. */
  activeUntil: number;
}

export class WarmWishes {
  /** By function. */
  private readonly wishes = new Map<string, Wish>();
  /** What environments serve, as far as it was brought up here: by owner, the group of each function. */
  private readonly served = new Map<string, ReadonlyMap<string, string>>();
  /** Versions that are about to be served: theirs stand beside what is served. */
  private readonly coming = new Map<object, readonly Wish[]>();

  get none(): boolean {
    return this.wishes.size === 0 && this.coming.size === 0;
  }

  /**
   * A call of the function came. Of an app that is run from editors the version of the newest run counts; of one
   * that is deployed, the version that is served, whoever still calls another.
   */
  used({ target, run }: Call): void {
    if (isReadiness(target)) return;
    const served = this.served.get(target.owner);
    if (served !== undefined && served.get(target.functionKey) !== target.groupKey) return;
    const known = this.wishes.get(target.functionKey);
    if (served === undefined && known !== undefined && known.since > run.startedAt) return;
    if (wantsSome(target)) {
      this.wishes.set(target.functionKey, { target, since: run.startedAt, activeUntil: Infinity });
    } else {
      this.wishes.delete(target.functionKey);
    }
  }

  /** An environment serves these functions from now on, and no others. */
  serve(owner: string, targets: readonly Target[]): void {
    this.served.set(owner, new Map(targets.map((each) => [each.functionKey, each.groupKey])));
    for (const [key, { target }] of this.wishes) {
      if (target.owner === owner) this.wishes.delete(key);
    }
    for (const wish of standing(targets)) this.wishes.set(wish.target.functionKey, wish);
  }

  /** Counts a version that comes up to be served, until the returned undo. */
  expect(targets: readonly Target[]): () => void {
    const key = {};
    this.coming.set(key, standing(targets));
    return () => this.coming.delete(key);
  }

  /** Somebody ended one of the group's containers: none is wished for until its functions are used again. */
  stopped(groupKey: string | undefined): void {
    for (const [key, { target }] of this.wishes) {
      if (target.groupKey === groupKey) this.wishes.delete(key);
    }
  }

  /** Marks functions as active while they have calls; drops what nobody wants any more. ms until the next change. */
  review(now: number, hasCalls: (target: Target) => boolean): number {
    let nextInMs = Infinity;
    for (const [key, wish] of this.wishes) {
      const { minContainers, scaledownWindowMs } = wish.target.function.options;
      if (hasCalls(wish.target)) wish.activeUntil = Infinity;
      else if (wish.activeUntil === Infinity) wish.activeUntil = now + scaledownWindowMs;
      if (wish.activeUntil > now) nextInMs = Math.min(nextInMs, wish.activeUntil - now);
      else if (minContainers === 0) this.wishes.delete(key);
    }
    return nextInMs;
  }

  /** One target of each group that has a wish. */
  groups(): Target[] {
    const all = [...this.wishes.values(), ...[...this.coming.values()].flat()];
    return [...new Map(all.map(({ target }) => [target.groupKey, target])).values()];
  }

  /** Wishes of a group: one for each function, as the same code may be served and about to be served again. */
  of(groupKey: string): Wish[] {
    const found = new Map<string, Wish>();
    for (const wish of [...this.wishes.values(), ...[...this.coming.values()].flat()]) {
      const { target } = wish;
      if (target.groupKey !== groupKey || found.has(target.functionKey)) continue;
      found.set(target.functionKey, wish);
    }
    return [...found.values()];
  }

  clear(): void {
    this.wishes.clear();
    this.coming.clear();
  }
}

function wantsSome({ function: { options } }: Target): boolean {
  return options.minContainers > 0 || options.bufferContainers > 0;
}

/** Of functions that keep containers though nobody calls. */
function standing(targets: readonly Target[]): Wish[] {
  return targets
    .filter(({ function: { options } }) => options.minContainers > 0)
    .map((target) => ({ target, since: 0, activeUntil: -Infinity }));
}
