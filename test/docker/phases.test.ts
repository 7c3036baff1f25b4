import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import type { RunEvent } from '../../runtime/protocol/events';
import { valueOf, type Harness, type WatchedRun } from '../runtime/scheduling/harness';
import { dockerApp, dockerClient, openDocker } from './support';

/** Between what the engine says and what a phase says, in ms: of the closest of some starts, as machines stall. */
const CLOSE_MS = 50;
const STARTS = 3;

interface EngineEvent {
  Action: string;
  timeNano: number;
  Actor: { Attributes: Record<string, string> };
}

describe('Phases of a cold start', () => {
  let harness: Harness | undefined;
  afterEach(async () => {
    await harness?.close();
    harness = undefined;
  });

  it('agree with the events of the engine', async () => {
    harness = await openDocker();
    const seen: EngineEvent[] = [];
    const stream = await dockerClient().getEvents({
      // Containers of functions only: others look at the image for a moment.
      filters: {
        type: ['container'],
        label: [`velar.runtime=${harness.store.runtimeId}`, 'velar.container'],
      },
    });
    let changed: () => void = () => undefined;
    createInterface({ input: stream }).on('line', (line) => {
      seen.push(JSON.parse(line) as EngineEvent);
      changed();
    });
    const next = async (action: string): Promise<EngineEvent> => {
      for (;;) {
        const at = seen.findIndex(({ Action }) => Action === action);
        const [event] = at < 0 ? [] : seen.splice(at, 1);
        if (event !== undefined) return event;
        await new Promise<void>((resolve) => (changed = resolve));
      }
    };
    const bundle = await harness.bundle(dockerApp('def one():\n    return 1'));
    const apart: number[] = [];
    for (let count = 0; count < STARTS; count += 1) {
      const run = await harness.run(bundle, { qualname: 'one' });
      await run.ended;
      apart.push(agrees(run, await next('create'), await next('start')));
      const [container] = harness.service.containers();
      await harness.service.stopContainer(container?.container ?? '');
    }
    (stream as unknown as { destroy(): void }).destroy();
    assert.ok(Math.min(...apart) <= CLOSE_MS, `${apart.join(', ')} ms apart`);
  });

  /** How far the told start is from the engine's, in ms. */
  function agrees(run: WatchedRun, create: EngineEvent, start: EngineEvent): number {
    assert.equal(valueOf(run), 1);
    const phases = run.events.filter((event) => event.type === 'phase');
    const at = (fits: (event: Extract<RunEvent, { type: 'phase' }>) => boolean): number => {
      const found = phases.find(fits);
      assert.ok(found, JSON.stringify(phases));
      return found.at;
    };
    const startedAt = start.timeNano / 1e6;
    const told = at((event) => event.detail === 'starting Python');
    // What the phase covers is what the engine did: made between its start and the worker's first word.
    const begun = at((event) => event.phase === 'container' && event.status === 'started');
    const done = at((event) => event.phase === 'container' && event.status === 'done');
    assert.ok(begun <= create.timeNano / 1e6 + 1);
    assert.ok(create.timeNano <= start.timeNano);
    assert.ok(startedAt <= done);
    return Math.abs(told - startedAt);
  }
});
