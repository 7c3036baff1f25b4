import assert from 'node:assert/strict';
import fc from 'fast-check';
import { endsPhase, phases, type Phase } from '../../../runtime/protocol/phaseOrder';
import {
  PhaseTimeline,
  type PhaseStep,
  type PlacementPhase,
} from '../../../runtime/scheduling/phaseTimeline';

type Action =
  | { do: 'enter'; phase: Phase }
  | { do: 'skip' | 'complete'; phase: PlacementPhase }
  | { do: 'progress' | 'wait' }
  | { do: 'loadStarted' }
  | { do: 'loadPaused'; share: number }
  | { do: 'loadEnded'; share: number };

const placementPhases = ['queued', 'provisioning', 'image', 'container', 'imports'] as const;
const actionArbitrary: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ do: fc.constant('enter' as const), phase: fc.constantFrom(...phases) }),
  fc.record({
    do: fc.constantFrom('skip' as const, 'complete' as const),
    phase: fc.constantFrom(...placementPhases),
  }),
  fc.record({ do: fc.constantFrom('progress' as const, 'wait' as const) }),
  fc.record({ do: fc.constant('loadStarted' as const) }),
  fc.record({
    do: fc.constantFrom('loadEnded' as const, 'loadPaused' as const),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
);

function apply(timeline: PhaseTimeline, action: Action, at: number, elapsed: number): PhaseStep[] {
  switch (action.do) {
    case 'enter':
      return timeline.enter(action.phase, at);
    case 'skip':
      return timeline.skip(action.phase, at, 'not needed here');
    case 'complete':
      return timeline.complete(action.phase, at);
    case 'progress':
      return timeline.progress('working');
    case 'wait':
      return timeline.wait(at, 'waiting');
    case 'loadStarted':
      return timeline.loadStarted(at, 'a model');
    case 'loadPaused':
      return timeline.loadPaused(elapsed * action.share);
    case 'loadEnded':
      return timeline.loadEnded(elapsed * action.share);
  }
}

const ends = (steps: readonly PhaseStep[]): PhaseStep[] =>
  steps.filter((step) => endsPhase(step.status));

describe('the phases of a run', () => {
  it('end exactly once each, in order, whatever happens', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(actionArbitrary, fc.integer({ min: 0, max: 5000 })), { maxLength: 40 }),
        fc.constantFrom('done' as const, 'failed' as const),
        (actions, outcome) => {
          const timeline = new PhaseTimeline();
          const steps = timeline.enter('queued', 0);
          let at = 0;
          for (const [action, elapsed] of actions) {
            at += elapsed;
            steps.push(...apply(timeline, action, at, 0));
          }
          steps.push(...timeline.finish(outcome, at));
          steps.push(...timeline.enter('running', at + 1), ...timeline.finish('failed', at + 1));
          assert.deepEqual(
            ends(steps).map((step) => step.phase),
            [...phases],
          );
          const failed = ends(steps).filter((step) => step.status === 'failed');
          assert.equal(failed.length >= 1, outcome === 'failed');
          const over = new Set<Phase>();
          for (const step of steps) {
            assert.ok(!over.has(step.phase), `${step.phase} goes on after its end`);
            if (endsPhase(step.status)) over.add(step.phase);
          }
        },
      ),
    );
  });

  it('have durations that add up to the whole, model loading taken out of what it lies in', () => {
    const timeline = new PhaseTimeline();
    const steps = [
      ...timeline.enter('queued', 0),
      ...timeline.skip('provisioning', 100, 'this machine'),
      ...timeline.enter('image', 100),
      ...timeline.enter('container', 400),
      ...timeline.complete('container', 900),
      ...timeline.enter('imports', 950),
      ...timeline.loadStarted(1000, 'gpt2'),
      ...timeline.loadEnded(200, 'gpt2'),
      ...timeline.enter('running', 2000),
      ...timeline.finish('done', 3000),
    ];
    const told = ends(steps).map(({ phase, status, ms }) =>
      `${phase} ${status} ${ms ?? ''}`.trim(),
    );
    assert.deepEqual(told, [
      'queued done 100',
      'provisioning skipped',
      'image done 300',
      'container done 500',
      'imports done 900',
      'model-load done 200',
      'running done 1000',
    ]);
  });

  it('keep a load within the body open until the body ends, and name what was loaded', () => {
    const timeline = new PhaseTimeline();
    timeline.enter('queued', 0);
    timeline.enter('running', 10);
    timeline.loadStarted(20, 'a tokenizer');
    timeline.loadStarted(30, 'a model');
    const steps = [...timeline.loadEnded(500), ...timeline.finish('done', 1010)];
    assert.deepEqual(ends(steps), [
      { phase: 'model-load', status: 'done', ms: 500, detail: 'a tokenizer, a model' },
      { phase: 'running', status: 'done', ms: 500 },
    ]);
  });

  it('leave what a function does between its loads out of the load', () => {
    const timeline = new PhaseTimeline();
    timeline.enter('queued', 0);
    timeline.enter('running', 10);
    timeline.loadStarted(20, 'a tokenizer');
    const [paused] = timeline.loadPaused(100);
    assert.deepEqual(paused, {
      phase: 'model-load',
      status: 'progress',
      ms: 100,
      paused: true,
    });
    timeline.loadStarted(500, 'a model', 100);
    timeline.loadPaused(300);
    assert.deepEqual(ends(timeline.finish('failed', 1010)), [
      { phase: 'model-load', status: 'done', ms: 300, detail: 'a tokenizer, a model' },
      { phase: 'running', status: 'failed', ms: 700 },
    ]);
  });

  it('say that a load failed when the run ends in it', () => {
    const timeline = new PhaseTimeline();
    timeline.enter('queued', 0);
    timeline.enter('imports', 10);
    timeline.loadStarted(100, 'a model');
    const steps = timeline.finish('failed', 400, 'MemoryError');
    assert.deepEqual(
      ends(steps).map(({ phase, status, ms }) => [phase, status, ms]),
      [
        ['imports', 'failed', 90],
        ['model-load', 'failed', 300],
        ['running', 'skipped', undefined],
      ],
    );
  });

  it('count what is waited for once the image is there as time of the container', () => {
    const timeline = new PhaseTimeline();
    timeline.enter('queued', 0);
    assert.deepEqual(timeline.wait(1, 'for a card'), [
      { phase: 'queued', status: 'progress', detail: 'for a card' },
    ]);
    timeline.enter('image', 5);
    timeline.complete('image', 10);
    assert.deepEqual(timeline.wait(12, 'for a card'), [
      { phase: 'container', status: 'started', detail: 'for a card' },
    ]);
    const ends = timeline.finish('done', 40);
    const container = ends.find(({ phase }) => phase === 'container');
    assert.deepEqual([container?.status, container?.ms], ['done', 30]);
  });

  it('tell another attempt as progress of the phase that the run is in', () => {
    const timeline = new PhaseTimeline();
    timeline.enter('queued', 0);
    timeline.enter('running', 10);
    assert.deepEqual(timeline.enter('container', 20, 'starting Python'), [
      { phase: 'running', status: 'progress', detail: 'starting Python' },
    ]);
  });
});
