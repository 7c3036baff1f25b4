import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import type { RunEvent } from '../../runtime/protocol/events';
import { valueOf, type Harness } from '../runtime/scheduling/harness';
import { dockerApp, dockerClient, openDocker } from './support';

/** Between what the engine says and what a phase says, in ms. */
const CLOSE_MS = 50;

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
    const started = new Promise<EngineEvent>((resolve) => {
      createInterface({ input: stream }).on('line', (line) => {
        const event = JSON.parse(line) as EngineEvent;
        seen.push(event);
        if (event.Action === 'start') resolve(event);
      });
    });
    const bundle = await harness.bundle(dockerApp('def one():\n    return 1'));
    const run = await harness.run(bundle, { qualname: 'one' });
    await run.ended;
    assert.equal(valueOf(run), 1);
    const start = await started;
    (stream as unknown as { destroy(): void }).destroy();
    const phases = run.events.filter((event) => event.type === 'phase');
    const at = (fits: (event: Extract<RunEvent, { type: 'phase' }>) => boolean): number => {
      const found = phases.find(fits);
      assert.ok(found, JSON.stringify(phases));
      return found.at;
    };
    const startedAt = start.timeNano / 1e6;
    const told = at((event) => event.detail === 'starting Python');
    assert.ok(Math.abs(told - startedAt) <= CLOSE_MS, `${told - startedAt} ms apart`);
    // What the phase covers is what the engine did: made between its start and the worker's first word.
    const create = seen.find((event) => event.Action === 'create');
    assert.ok(create);
    const begun = at((event) => event.phase === 'container' && event.status === 'started');
    const done = at((event) => event.phase === 'container' && event.status === 'done');
    assert.ok(begun <= create.timeNano / 1e6 + 1);
    assert.ok(create.timeNano <= start.timeNano);
    assert.ok(startedAt <= done);
  });
});
