/** Who has what of a card's memory. Pure. */
import type { GpuLive, GpuProcess, GpuSource, CardSample } from '../protocol/gpus';
import type { Gpu } from '../protocol/methods';
import { modelOf } from './names';
import type { Owner } from './owners';
import type { Card } from './samples';

/** A card with its processes named. Null for one whose memory is not told, as it can't be used. */
export function gpuOf(
  card: Card,
  at: number,
  source: GpuSource,
  owners: ReadonlyMap<number, Owner | undefined>,
): (Gpu & { live: GpuLive }) | null {
  const { index, uuid, name, memoryTotalBytes, memoryUsedBytes, processes, ...told } = card;
  if (memoryTotalBytes === null) return null;
  return {
    index,
    uuid,
    name,
    model: modelOf(name),
    memoryTotalBytes,
    memoryUsedBytes,
    live: {
      ...told,
      at,
      source,
      processes:
        processes?.map(({ pid, usedBytes }): GpuProcess => {
          const owner = owners.get(pid);
          const { container = null, app = null } = owner?.root ?? {};
          return { pid, name: owner?.name ?? null, usedBytes, container, app };
        }) ?? null,
    },
  };
}

/** A card's memory seen from one container. */
export interface ContainerUse {
  usedBytes: number;
  card: CardSample;
}

/** Null where the card's memory is not told. */
export function useOf(gpu: Gpu, container: string): ContainerUse | null {
  const { live, memoryUsedBytes } = gpu;
  if (live === undefined || memoryUsedBytes === null) return null;
  const { gpuPercent, memoryPercent, temperatureC, powerWatts, powerLimitWatts } = live;
  const reading = { gpuPercent, memoryPercent, temperatureC, powerWatts, powerLimitWatts };
  const shares = sharesOf(live.processes, container);
  return {
    usedBytes: shares?.ownBytes ?? memoryUsedBytes,
    card: {
      ...reading,
      scope: shares === null ? 'card' : 'container',
      usedBytes: memoryUsedBytes,
      othersBytes: shares?.othersBytes ?? null,
    },
  };
}

/** Null as soon as one process is hidden, or its memory: it could be the container's. */
function sharesOf(
  processes: readonly GpuProcess[] | null,
  container: string,
): { ownBytes: number; othersBytes: number } | null {
  if (processes === null) return null;
  let ownBytes = 0;
  let othersBytes = 0;
  for (const { name, usedBytes, container: owner } of processes) {
    if (usedBytes === null || name === null) return null;
    if (owner === container) ownBytes += usedBytes;
    else othersBytes += usedBytes;
  }
  return { ownBytes, othersBytes };
}

/** A card as people call it: `L4 0`. */
export function cardLabel({ model, name, index }: Pick<Gpu, 'model' | 'name' | 'index'>): string {
  return `${model ?? name} ${index}`;
}
