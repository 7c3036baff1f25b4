/** How many containers functions want at hand, whether or not calls wait for them. Pure. */

/** What one function asks for, and how many containers work for it now. */
export interface WarmWish {
  /** `min_containers`: kept while the runtime lives. */
  min: number;
  /** `buffer_containers`: idle ones beyond those that work, while the function is active. */
  buffer: number;
  /** `max_containers`: never more than so many for this function. */
  max: number;
  /** Calls of it wait, are worked on, or ended within its scaledown window. */
  active: boolean;
  working: number;
  waiting: number;
}

/** Containers that have the same code loaded: each can take calls of every function in it. */
export interface WarmGroup {
  wishes: readonly WarmWish[];
  /** Containers that work for functions without a wish, and calls of those that wait. */
  others: { working: number; waiting: number };
  idle: number;
  /** On their way to being idle. */
  coming: number;
}

/** Containers that the group should have, those that work included. */
export function wantedContainers({ wishes, others, coming }: WarmGroup): number {
  // What comes up for a call that waits is not idle for long: it is as good as taken.
  let unclaimed = coming;
  const claim = (waiting: number): number => {
    const claimed = Math.min(waiting, unclaimed);
    unclaimed -= claimed;
    return claimed;
  };
  let wanted = 0;
  for (const wish of wishes) {
    const taken = wish.working + claim(wish.waiting);
    const spare = wish.active ? wish.buffer : 0;
    wanted += Math.max(wish.working, Math.min(wish.max, Math.max(wish.min, taken + spare)));
  }
  return wanted + others.working + claim(others.waiting);
}

/** Containers that the group has. */
export function presentContainers({ wishes, others, idle, coming }: WarmGroup): number {
  return idle + coming + others.working + wishes.reduce((sum, { working }) => sum + working, 0);
}

/** Containers to bring up ahead of calls. */
export function missingContainers(group: WarmGroup): number {
  return Math.max(0, wantedContainers(group) - presentContainers(group));
}

/** True when an idle container of the group has to stay, however long it has been idle. */
export function mustStay(group: WarmGroup): boolean {
  return presentContainers(group) <= wantedContainers(group);
}
