/** A call's phases as a `Server-Timing` header. Pure. */
import type { RunEvent } from '../protocol/events';
import type { Phase } from '../protocol/phases';

const PARTS: readonly [name: string, phases: readonly Phase[]][] = [
  ['queue', ['queued']],
  ['cold-start', ['provisioning', 'image', 'container', 'imports']],
  ['model-load', ['model-load']],
  ['execution', ['running']],
];

/** `queue;dur=0.2, cold-start;dur=0, …`, in ms. */
export function serverTiming(events: readonly RunEvent[]): string {
  const took = (phase: Phase): number => {
    for (const event of events) {
      const ended =
        event.type === 'phase' && (event.status === 'done' || event.status === 'failed');
      if (ended && event.phase === phase) return event.ms ?? 0;
    }
    return 0;
  };
  return PARTS.map(([name, phases]) => {
    const ms = phases.reduce((sum, phase) => sum + took(phase), 0);
    return `${name};dur=${Number(ms.toFixed(3))}`;
  }).join(', ');
}
