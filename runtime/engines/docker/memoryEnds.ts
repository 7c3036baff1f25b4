/**
 * Whether a container ended for a lack of memory. Docker's own flag says only that some process of the container once
 * was: a runner that ran out of memory leaves it set, and its container warm. The engine's events say when.
 */
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import * as z from 'zod';

/** Between the last lack of memory and the end that it caused, in ms: the engine is told of both by others. */
const CAUSES_WITHIN_MS = 3000;

const eventSchema = z.object({
  Action: z.string(),
  timeNano: z.number(),
  Actor: z.object({ Attributes: z.record(z.string(), z.string()).default({}) }),
});
export type MemoryEvent = z.infer<typeof eventSchema>;

/** Of a container that SIGKILL ended and that is still there. `kills`: how many of them were asked for by this process. */
export async function endedForMemory(
  docker: Docker,
  handle: Docker.Container,
  kills: number,
): Promise<boolean> {
  const { State } = await handle.inspect();
  if (!State.OOMKilled) return false;
  const events = await pastEvents(docker, handle.id, Date.parse(State.StartedAt));
  return causedByMemory(events, Date.parse(State.FinishedAt), kills);
}

/** Pure. Times in ms since the epoch. */
export function causedByMemory(
  events: readonly MemoryEvent[],
  finishedAt: number,
  kills: number,
): boolean {
  const ranOut = events.filter(({ Action }) => Action === 'oom').map(at);
  const last = Math.max(...ranOut);
  const killed = events.filter(isKill).length;
  const byOthers = killed > kills && events.some((event) => isKill(event) && at(event) > last);
  return !byOthers && finishedAt - last <= CAUSES_WITHIN_MS;
}

const at = ({ timeNano }: MemoryEvent): number => timeNano / 1e6;

function isKill({ Action, Actor }: MemoryEvent): boolean {
  return Action === 'kill' && ['9', 'KILL', 'SIGKILL'].includes(Actor.Attributes['signal'] ?? '9');
}

/** What the engine remembers: its last 256 events, which hold those of a moment ago. */
async function pastEvents(docker: Docker, id: string, since: number): Promise<MemoryEvent[]> {
  const response = (await docker.getEvents({
    since: Math.floor(since / 1000),
    until: Date.now() / 1000,
    filters: { container: [id], event: ['oom', 'kill'] },
  })) as Readable;
  const lines = (await text(response)).split('\n').filter((line) => line !== '');
  return lines.map((line) => eventSchema.parse(JSON.parse(line)));
}
