/** Checks of the runtime's own machine, each with what to do about it. */
import { rmSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { VelarError } from '../protocol/errors';
import type { Check, GpuList, RuntimeInfo } from '../protocol/methods';

export interface DoctorFacts {
  home: string;
  /** Where the runtime listens, for example `ws://127.0.0.1:7070`. */
  url: string;
  /** Why the store could not be written last, if so. */
  storeFailure: VelarError | undefined;
  /** Rejects with `python-missing` where there is none. */
  python: () => Promise<NonNullable<RuntimeInfo['python']>>;
  gpus: () => Promise<GpuList>;
  /** Whether containers can be placed. Never rejects. */
  engine: () => Promise<Check>;
}

/** Images and models need room; below this a run is likely to fail on the way. */
const LOW_DISK_BYTES = 2 * 1024 ** 3;

/** Runs all checks; one that can't be made counts as failed. Never rejects. */
export async function runDoctor(facts: DoctorFacts): Promise<Check[]> {
  return [
    checkHome(facts),
    await checkDisk(facts.home),
    await checkPython(facts),
    await checkGpu(facts),
    await facts.engine(),
    { name: 'port', ok: true, detail: `Listening at ${facts.url}.`, remedy: null },
  ];
}

function checkHome({ home, storeFailure }: DoctorFacts): Check {
  const probe = join(home, `.doctor-${String(process.pid)}`);
  try {
    writeFileSync(probe, 'velar', { mode: 0o600 });
    rmSync(probe);
  } catch (error) {
    const remedy = 'Make the folder writable, or set VELAR_HOME to another.';
    const { message } = VelarError.from(error);
    return { name: 'home', ok: false, detail: `${home} can't be written: ${message}`, remedy };
  }
  if (storeFailure === undefined) {
    return { name: 'home', ok: true, detail: `${home} is writable.`, remedy: null };
  }
  return {
    name: 'home',
    ok: false,
    detail: storeFailure.message,
    remedy: storeFailure.hint ?? null,
  };
}

async function checkDisk(home: string): Promise<Check> {
  try {
    const { bavail, bsize } = await statfs(home);
    const free = bavail * bsize;
    const gib = (free / 1024 ** 3).toFixed(1);
    const ok = free >= LOW_DISK_BYTES;
    const remedy = ok ? null : 'Free some space, or set VELAR_HOME to a larger disk.';
    return { name: 'disk', ok, detail: `${gib} GiB free for ${home}.`, remedy };
  } catch (error) {
    const { message } = VelarError.from(error);
    return { name: 'disk', ok: false, detail: `Free space is unknown: ${message}`, remedy: null };
  }
}

async function checkPython({ python }: DoctorFacts): Promise<Check> {
  try {
    const { executable, version } = await python();
    return {
      name: 'python',
      ok: true,
      detail: `Python ${version} at ${executable}.`,
      remedy: null,
    };
  } catch (error) {
    const { message, hint } = VelarError.from(error);
    return { name: 'python', ok: false, detail: message, remedy: hint ?? null };
  }
}

/** No GPU is a fact, not a fault: functions that ask for one are told when they run. A lost card is a fault. */
async function checkGpu({ gpus }: DoctorFacts): Promise<Check> {
  const found = await gpus();
  const names = found.gpus.map(({ name }) => name).join(', ');
  const lost = found.gpus.flatMap(({ index, live }) =>
    live === undefined || live.problem === null ? [] : [`Card ${index}: ${live.problem}.`],
  );
  const detail =
    found.gpus.length > 0
      ? [`${names}.`, ...lost, found.source ?? ''].join(' ').trim()
      : (found.note ?? 'No GPU on this runtime.');
  const ok = lost.length === 0;
  const remedy = ok
    ? null
    : 'Restart the machine; if the card is lost again, look at its kernel log.';
  return { name: 'gpu', ok, detail, remedy };
}
