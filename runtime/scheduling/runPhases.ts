/** What happens to calls, as the phases of their run. */
import type { RunError } from '../protocol/values';
import type { PhaseMessage, Stage } from './call';
import type { PhaseTimeline, PhaseStep } from './phaseTimeline';
import type { Run } from './run';

/** A step of the container that a call waits for. `who` names the call where the run is past such phases. */
export function showStage(run: Run, stage: Stage, who?: string): void {
  run.advance((timeline, at) => {
    if ('way' in stage && stage.way !== undefined && isAhead(timeline, stage.phase)) {
      run.happens(stage.phase, stage.way);
    }
    if (!isAhead(timeline, stage.phase)) {
      if (!('detail' in stage) || stage.detail === undefined) return [];
      return timeline.progress(who === undefined ? stage.detail : `${who}: ${stage.detail}`);
    }
    if ('skipped' in stage) return timeline.skip(stage.phase, at, stage.skipped);
    if ('done' in stage) {
      return [
        ...timeline.enter(stage.phase, at),
        ...timeline.complete(stage.phase, at, stage.done),
      ];
    }
    return timeline.enter(stage.phase, at, stage.detail);
  });
}

/** A call of the run waits, for this reason. */
export function showWaiting(run: Run, why: string): void {
  run.advance((timeline, at) => {
    const steps = timeline.wait(at, why);
    // A container phase that begins with a wait for a card tells nothing of how long starts take.
    const begins = steps.some(({ phase, status }) => phase === 'container' && status === 'started');
    if (begins) run.happens('container', 'joined');
    return steps;
  });
}

/** A call of the run was sent to a container: whatever did not have to happen before is skipped. */
export function showRunning(run: Run, place: string, imageNote: string, detail?: string): void {
  run.advance((timeline, at) => {
    if (timeline.phase === 'running') return [];
    return [
      ...timeline.skip('provisioning', at, place),
      ...timeline.skip('image', at, imageNote),
      ...timeline.skip('container', at, 'warm container'),
      ...timeline.skip('imports', at, 'warm container'),
      ...timeline.enter('running', at, detail),
    ];
  });
}

/** What a worker says of a load or call of the run. */
export function showWorkerPhase(run: Run, message: PhaseMessage): void {
  const { phase, status, ms, detail } = message;
  if (phase === 'model-load') {
    run.advance((timeline, at) => modelLoad(timeline, at, status, ms ?? 0, detail));
  } else if ((phase === 'container' || phase === 'imports') && detail !== undefined) {
    run.advance((timeline) => {
      if (timeline.phase !== 'imports') return [];
      // What is imported already comes from the zygote.
      if (phase === 'imports' && status === 'started') run.happens('imports', 'zygote');
      return timeline.progress(detail);
    });
  }
}

function modelLoad(
  timeline: PhaseTimeline,
  at: number,
  status: PhaseMessage['status'],
  ms: number,
  detail: string | undefined,
): PhaseStep[] {
  if (status === 'skipped') {
    if (detail !== undefined) timeline.loadNotNeeded(detail);
    return [];
  }
  if (status === 'done' || status === 'failed') return timeline.loadEnded(ms, detail);
  const paused = status === 'progress' && detail === undefined;
  const steps = paused ? timeline.loadPaused(ms) : timeline.loadStarted(at, detail, ms);
  if (timeline.phase !== 'running') return steps;
  const doing = paused ? `loaded in ${(ms / 1000).toFixed(1)} s` : `loading ${detail ?? 'a model'}`;
  return [...steps, ...timeline.progress(doing)];
}

export function showRetry(run: Run, who: string, attempt: number, error: RunError): void {
  const reason = `${error.type ?? error.kind}: ${error.message.split('\n')[0] ?? ''}`;
  run.advance((timeline) => timeline.progress(`${who}: attempt ${attempt} after ${reason}`));
}

const ORDER = ['queued', 'provisioning', 'image', 'container', 'imports', 'model-load', 'running'];

function isAhead(timeline: PhaseTimeline, phase: Stage['phase']): boolean {
  return timeline.phase === undefined || ORDER.indexOf(phase) >= ORDER.indexOf(timeline.phase);
}

/** A local entrypoint is over that called nothing of the runtime. */
export function showNoRemoteCall(run: Run): void {
  run.together(() => {
    for (const phase of ['provisioning', 'image', 'container', 'imports'] as const) {
      run.advance((timeline, at) => timeline.skip(phase, at, 'no remote call'));
    }
  });
}
