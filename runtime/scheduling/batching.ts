/** How many inputs of a batch go to one container at once, and when more containers are worth it. Pure. */

/** Work that a container should have at hand, in ms: enough to hide the way there and back. */
const AHEAD_MS = 25;
const MAX_BATCH = 256;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** Inputs at hand in a container, over those that it works on, where they are as large as the next one. */
const MAX_DEPTH_BYTES = 32 * 1024 * 1024;
/** Weight of the newest duration in the running mean. */
const NEWEST_WEIGHT = 0.2;
const SETTLED_AFTER = 5;
/** A container that starts costs some hundred ms; work that is over sooner is not worth one. */
export const WORTH_A_CONTAINER_MS = 400;

/** Running mean of a function's call durations. */
export class DurationEstimate {
  private mean: number | undefined;
  private count = 0;

  /** ms, or undefined before the first call has ended. */
  get ms(): number | undefined {
    return this.mean;
  }

  /** True once a few calls have ended: the first one often does what later ones need not do again. */
  get settled(): boolean {
    return this.count >= SETTLED_AFTER;
  }

  add(ms: number): void {
    this.count += 1;
    this.mean = this.mean === undefined ? ms : this.mean + (ms - this.mean) * NEWEST_WEIGHT;
  }
}

/**
 * Inputs that a container may hold, the ones being worked on included. Unknown durations go one by one, and
 * so do long ones: what waits behind a long call could be running elsewhere. Nor do large ones pile up.
 */
export function targetDepth(
  callMs: number | undefined,
  concurrency: number,
  inputBytes = 0,
): number {
  if (callMs === undefined) return concurrency;
  const ahead = Math.floor(AHEAD_MS / Math.max(callMs, 0.01));
  const fitting = Math.floor(MAX_DEPTH_BYTES / Math.max(inputBytes, 1));
  return Math.min(MAX_BATCH * 2, Math.max(concurrency, Math.min(concurrency * ahead, fitting)));
}

/**
 * Inputs of the next batch for a container that holds `depth` of `target` and works on `concurrency` at once. 0: wait
 * until it has done more.
 */
export function batchSize(
  depth: number,
  target: number,
  waiting: number,
  containers: number,
  concurrency = 1,
): number {
  const room = target - depth;
  if (room <= 0 || (depth >= concurrency && room < target / 2)) return 0;
  const share = Math.ceil(waiting / Math.max(1, containers));
  return Math.max(1, Math.min(room, share, MAX_BATCH));
}

/** Of the first `count` inputs, as many as fit one frame; at least one. */
export function fitBytes(sizes: Iterable<number>, count: number): number {
  let bytes = 0;
  let fitting = 0;
  for (const size of sizes) {
    if (fitting === count) break;
    bytes += size;
    if (fitting > 0 && bytes > MAX_BATCH_BYTES) break;
    fitting += 1;
  }
  return fitting;
}

/** True when what waits would keep the places for calls at hand busy for longer than a container takes to start. */
export function worthAnother(waiting: number, callMs: number | undefined, places: number): boolean {
  if (places === 0) return true;
  if (callMs === undefined) return false;
  return (waiting * callMs) / places > WORTH_A_CONTAINER_MS;
}
