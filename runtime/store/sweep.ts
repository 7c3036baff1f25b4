/** Removes runs and blobs that nothing needs any more, in small steps, while the runtime goes on. */
import { setImmediate as turn } from 'node:timers/promises';
import { measureFolder } from './folderSize';
import { removeFolder } from './removal';
import type { EndpointGroup, RunSize } from './runSizes';
import type { Store } from './store';

/**
 * What is younger than `keepMs`, or among the newest `keepBytes`, stays, unless it is beyond the newest `maxBytes`.
 * Runs of people and source files are counted each for themselves; calls of endpoints have limits of their own.
 */
export interface SweepLimits {
  keepMs: number;
  keepBytes: number;
  maxBytes: number;
  endpoints: EndpointLimits;
}

/** Of what calls of endpoints leave behind: the newest of each function stay, those that failed apart. */
export interface EndpointLimits {
  /** Calls of a function that failed. */
  failed: number;
  /** Calls of a function that succeeded, or were given up. */
  others: number;
  /** All functions together; each outcome of each function has an equal share, and `shareBytes` at most. */
  maxBytes: number;
  shareBytes: number;
}

const MIB = 1024 ** 2;

export const SWEEP_LIMITS: SweepLimits = {
  keepMs: 30 * 24 * 3_600_000,
  keepBytes: 1024 * MIB,
  maxBytes: 4096 * MIB,
  endpoints: { failed: 2000, others: 500, maxBytes: 512 * MIB, shareBytes: 64 * MIB },
};
/** Everything that is not in use. */
export const SWEEP_ALL: SweepLimits = {
  keepMs: 0,
  keepBytes: 0,
  maxBytes: 0,
  endpoints: { failed: 0, others: 0, maxBytes: 0, shareBytes: 0 },
};

/** A blob may arrive before the bundle that needs it is known: younger ones are left alone, in ms. */
const ARRIVING_MS = 60_000;
/** Removals between two turns of the event loop. */
const STEP = 32;

export interface Sweep {
  limits: SweepLimits;
  /** Ends it early; what it has removed by then is gone. */
  signal: AbortSignal;
  /** ms since the epoch. */
  now: number;
}

export interface Swept {
  /** Runs or bundles that are gone. */
  count: number;
  bytes: number;
}

type Runs = Pick<Store, 'runs' | 'runFolder'>;
type InUse = (run: string) => boolean;

/** Ended runs of people with their logs. `inUse` is asked right before each removal. */
export function sweepRuns(store: Runs, sweep: Sweep, inUse: InUse): Promise<Swept> {
  const { keepMs, keepBytes, maxBytes } = sweep.limits;
  const isOver = ({ startedAt }: RunSize, kept: number): boolean =>
    kept > maxBytes || (kept > keepBytes && startedAt <= sweep.now - keepMs);
  return sweepGroup(store, undefined, sweep, inUse, isOver);
}

/** Ended calls of endpoints with their logs, of all functions or of the groups given. */
export async function sweepEndpoints(
  store: Runs,
  sweep: Sweep,
  inUse: InUse,
  given?: readonly EndpointGroup[],
): Promise<Swept> {
  const { failed, others, maxBytes, shareBytes } = sweep.limits.endpoints;
  const groups = store.runs.sizes.groups().filter(({ status }) => status !== 'active');
  const share = Math.min(shareBytes, maxBytes / groups.length);
  const swept = { count: 0, bytes: 0 };
  for (const group of given ?? groups) {
    const calls = group.status === 'failed' ? failed : others;
    const isOver = (_run: RunSize, kept: number, count: number): boolean =>
      kept > share || count > calls;
    const { count, bytes } = await sweepGroup(store, group, sweep, inUse, isOver);
    swept.count += count;
    swept.bytes += bytes;
  }
  return swept;
}

/**
 * Goes through runs from the newest on and removes those that are over.
 * @param isOver gets the bytes and the number of all down to this one
 */
async function sweepGroup(
  { runs, runFolder }: Runs,
  group: EndpointGroup | undefined,
  { signal }: Sweep,
  inUse: InUse,
  isOver: (run: RunSize, kept: number, count: number) => boolean,
): Promise<Swept> {
  const swept = { count: 0, bytes: 0 };
  let kept = 0;
  let count = 0;
  let last: RunSize | undefined;
  while (!signal.aborted) {
    const page = runs.sizes.page(group, last);
    last = page.at(-1);
    if (last === undefined) break;
    const over = new Map<string, number>();
    const withFolder: string[] = [];
    for (const run of page) {
      if (run.status === 'active') continue;
      const fileBytes = run.fileBytes ?? (await measureFolder(runFolder(run.run))).bytes;
      const bytes = run.bytes + fileBytes;
      kept += bytes;
      count += 1;
      if (isOver(run, kept, count)) over.set(run.run, bytes);
      else if (run.fileBytes === undefined) runs.sizes.measured(run.run, fileBytes);
      // One of 0 bytes that had to be measured may have a folder with empty files.
      if (run.fileBytes !== 0) withFolder.push(run.run);
    }
    for (const run of over.keys()) if (inUse(run)) over.delete(run);
    if (over.size > 0) runs.remove([...over.keys()]);
    const folders = withFolder.filter((run) => over.has(run)).map(runFolder);
    await Promise.all(folders.map(removeFolder));
    for (const bytes of over.values()) swept.bytes += bytes;
    swept.count += over.size;
    await turn();
  }
  return swept;
}

/** Blobs that no bundle needs which stays; a bundle that is used meanwhile stays, whatever its age. */
export async function sweepBlobs(
  { blobs, bundles, bundleUses }: Pick<Store, 'blobs' | 'bundles' | 'bundleUses'>,
  { limits, signal, now }: Sweep,
  inUse: () => Iterable<string>,
): Promise<Swept> {
  const swept = { count: 0, bytes: 0 };
  const needed = new Set<string>();
  /** Returns the bytes that are needed only now. */
  const need = (bundle: string): number => {
    let more = 0;
    for (const { sha256, size } of bundles.blobsOf(bundle)) {
      if (!needed.has(sha256)) more += size;
      needed.add(sha256);
    }
    return more;
  };
  // From here on whatever is used is needed: this comes before the first look at what there is.
  const stop = bundleUses.onUse(need);
  try {
    let total = 0;
    for await (const { size } of blobs.all()) {
      if (signal.aborted) return swept;
      total += size;
    }
    if (total <= limits.keepBytes) return swept;
    for (const bundle of inUse()) need(bundle);
    let kept = 0;
    const gone: string[] = [];
    for (const { bundle, usedAt } of bundleUses.list()) {
      const young = usedAt > now - limits.keepMs && kept < limits.maxBytes;
      if (young || kept < limits.keepBytes) kept += need(bundle);
      else gone.push(bundle);
      await turn();
      if (signal.aborted) return swept;
    }
    // One that is asked for after this is looked at anew, and so is needed.
    bundles.recheck();
    const over = total > limits.maxBytes;
    const before = now - Math.max(over ? 0 : limits.keepMs, ARRIVING_MS);
    let steps = 0;
    for await (const { sha256 } of blobs.all()) {
      if (signal.aborted) break;
      if (needed.has(sha256)) continue;
      const bytes = blobs.removeOlder(sha256, before);
      if (bytes === undefined) continue;
      swept.bytes += bytes;
      steps += 1;
      if (steps % STEP === 0) await turn();
    }
    for (const bundle of gone.filter((each) => !needed.has(each) && !blobs.has(each))) {
      bundleUses.forget(bundle);
      swept.count += 1;
    }
    return swept;
  } finally {
    stop();
  }
}
