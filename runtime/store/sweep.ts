/** Removes runs and blobs that nothing needs any more, in small steps, while the runtime goes on. */
import { setImmediate as turn } from 'node:timers/promises';
import { measureFolder } from './folderSize';
import { removeFolder } from './removal';
import type { Store } from './store';

/** What is younger than `keepMs`, or among the newest `keepBytes`, stays. */
export interface SweepLimits {
  keepMs: number;
  keepBytes: number;
}

export const SWEEP_LIMITS: SweepLimits = { keepMs: 30 * 24 * 3_600_000, keepBytes: 1024 ** 3 };
/** Everything that is not in use. */
export const SWEEP_ALL: SweepLimits = { keepMs: 0, keepBytes: 0 };

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

/** Ended runs with their logs. `inUse` is asked right before each removal. */
export async function sweepRuns(
  { runs, runFolder }: Pick<Store, 'runs' | 'runFolder'>,
  { limits, signal, now }: Sweep,
  inUse: (run: string) => boolean,
): Promise<Swept> {
  const swept = { count: 0, bytes: 0 };
  let kept = 0;
  for (const { run, startedAt, bytes: rowBytes } of runs.sizes()) {
    if (signal.aborted) break;
    const { bytes: logBytes } = await measureFolder(runFolder(run));
    kept += rowBytes + logBytes;
    if (startedAt > now - limits.keepMs || kept <= limits.keepBytes || inUse(run)) continue;
    runs.remove(run);
    await removeFolder(runFolder(run));
    swept.count += 1;
    swept.bytes += rowBytes + logBytes;
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
      if (usedAt > now - limits.keepMs || kept < limits.keepBytes) kept += need(bundle);
      else gone.push(bundle);
      await turn();
      if (signal.aborted) return swept;
    }
    // One that is asked for after this is looked at anew, and so is needed.
    bundles.recheck();
    const before = now - Math.max(limits.keepMs, ARRIVING_MS);
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
