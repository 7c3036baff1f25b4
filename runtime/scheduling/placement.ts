/** Where the next call of a lane goes. Pure: looks at containers, changes nothing. */
import { worthAnother } from './batching';
import type { Container } from './container';
import type { Lane } from './lane';

export type Decision<C> =
  | { do: 'dispatch'; container: C; count: number }
  | { do: 'load'; container: C }
  | { do: 'start' }
  /**
   * `patience`: ask again in a while even if nothing has changed by then. `starting`: a container is on its way.
   */
  | { do: 'wait'; reason: string; patience: boolean; starting: boolean };

export type Placeable = Pick<
  Container,
  'state' | 'idle' | 'blocked' | 'inflight' | 'laneKey' | 'load'
>;

export type Waiting = Pick<
  Lane,
  'key' | 'target' | 'waiting' | 'first' | 'durations' | 'impatient' | 'roomIn'
>;

/** `mayBeTaken`: whether an idle container with other code may load this lane's. */
export function decide<C extends Placeable>(
  lane: Waiting,
  containers: Iterable<C>,
  mayBeTaken: (container: C) => boolean,
): Decision<C> {
  const { target } = lane;
  let working = 0;
  let coming = 0;
  let ready: C | undefined;
  let reloadable: C | undefined;
  const busy: C[] = [];
  for (const container of containers) {
    const sameLoad = container.load?.key === target.load.key;
    if (container.state === 'starting' || container.state === 'loading') {
      if (sameLoad) coming += 1;
      continue;
    }
    if (container.state !== 'ready') continue;
    if (container.idle) {
      if (sameLoad) ready ??= container;
      else if (mayBeTaken(container)) reloadable ??= container;
    } else if (container.laneKey === lane.key && (!container.blocked || hasRoom(lane, container))) {
      working += 1;
      if (sameLoad) busy.push(container);
    }
  }
  const allowed = working + coming < target.maxContainers;
  const roomiest = leastLoaded(busy);
  if (roomiest !== undefined && target.concurrency > 1 && hasRoom(lane, roomiest)) {
    const count = lane.roomIn(roomiest.inflight.size, working);
    if (count > 0) return { do: 'dispatch', container: roomiest, count };
  }
  if (ready !== undefined && working < target.maxContainers) {
    const count = lane.roomIn(0, working + 1);
    return { do: 'dispatch', container: ready, count };
  }
  if (roomiest !== undefined) {
    const count = lane.roomIn(roomiest.inflight.size, working);
    if (count > 0) return { do: 'dispatch', container: roomiest, count };
  }
  const starting = coming > 0;
  if (!allowed) {
    const many = `${working} of ${target.maxContainers} containers of ${target.function.qualname}`;
    const reason = starting ? STARTING : `waiting for a container: ${many} busy`;
    return { do: 'wait', reason, patience: false, starting };
  }
  if (!wantsMore(lane, working, coming)) {
    const reason = starting ? STARTING : 'waiting for the container, which is busy';
    return { do: 'wait', reason, patience: working > 0 && !starting, starting };
  }
  return reloadable === undefined ? { do: 'start' } : { do: 'load', container: reloadable };
}

/** A lane whose containers take longer than this over what they hold is worth another, in ms. */
export const PATIENCE_MS = 400;

const STARTING = 'waiting for the container to start';

/** True when the container could work on one more call at once. */
function hasRoom({ target }: Waiting, { inflight }: Placeable): boolean {
  return inflight.size < target.concurrency;
}

/** True when one more container than there are would serve the lane. */
function wantsMore(lane: Waiting, working: number, coming: number): boolean {
  const containers = working + coming;
  if (containers === 0) return true;
  const { concurrency } = lane.target;
  if (coming * concurrency >= lane.waiting) return false;
  const places = containers * concurrency;
  const { ms, settled } = lane.durations;
  if (lane.impatient) {
    if (coming === 0) return true;
    // What is being worked on has gone on for that long already.
    return worthAnother(lane.waiting, Math.max(ms ?? 0, PATIENCE_MS), places);
  }
  if (lane.first?.batch === true) return settled && worthAnother(lane.waiting, ms, places);
  return ms === undefined || worthAnother(lane.waiting, ms, places);
}

function leastLoaded<C extends Placeable>(containers: readonly C[]): C | undefined {
  let best: C | undefined;
  for (const container of containers) {
    if (best === undefined || container.inflight.size < best.inflight.size) best = container;
  }
  return best;
}
