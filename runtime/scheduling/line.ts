/** Who is served when of those that wait for the same thing, and how that is said. Pure. */

/** Places further behind are told in steps of ten, so that a long line does not tell everybody of every step. */
const EXACT_PLACES = 20;
const STEP = 10;

/** Takes one of each in turn: the first ones, then the second ones, and so on. */
export function inTurn<T>(queues: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...queues.map((queue) => queue.length));
  const order: T[] = [];
  for (let index = 0; index < longest; index += 1) {
    for (const queue of queues)
      if (index < queue.length) order.push(...queue.slice(index, index + 1));
  }
  return order;
}

/**
 * The place of each in its line, 1 for the first. `order`: for each one who waits, in the order in which
 * they are served, the things any of which it waits for; those who have one in common stand in one line.
 */
export function placesInLine(order: readonly (readonly string[])[]): number[] {
  const ahead = new Map<string, { things: readonly string[]; count: number }>();
  return order.map((things) => {
    let place = 1;
    for (const other of ahead.values()) {
      if (other.things.some((one) => things.includes(one))) place += other.count;
    }
    const key = things.join('\n');
    const same = ahead.get(key) ?? { things, count: 0 };
    same.count += 1;
    ahead.set(key, same);
    return place;
  });
}

/** `2nd in line`; far behind, `more than 30 ahead`. */
export function placeText(place: number): string {
  if (place <= EXACT_PLACES) return `${ordinal(place)} in line`;
  return `more than ${Math.floor((place - 2) / STEP) * STEP} ahead`;
}

function ordinal(value: number): string {
  const teen = value % 100 > 10 && value % 100 < 14;
  const suffix = teen ? 'th' : (['th', 'st', 'nd', 'rd'][value % 10] ?? 'th');
  return `${value}${suffix}`;
}
