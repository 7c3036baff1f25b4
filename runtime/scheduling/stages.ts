/** Steps of a container on its way, as the calls that wait for it are told of them. */
import { withNote } from '../images/notApplied';
import type { Call, Stage } from './call';
import type { Run } from './run';

/** Tells each run that has calls among these once. */
export function tellStage(calls: readonly Call[], stage: Stage): void {
  const told = new Set<Run>();
  for (const call of calls) {
    if (!told.has(call.run)) call.sink.stage(stageFor(call, stage));
    told.add(call.run);
  }
}

/** Notes a stage: of what a phase does the newest detail is kept. */
export function noteStage(stages: Stage[], stage: Stage): void {
  const last = stages.at(-1);
  const newer = 'detail' in stage && last?.phase === stage.phase && 'detail' in last;
  if (newer) stages.pop();
  stages.push(stage);
}

/** Tells a call that has come to wait what it finds going on or over: that tells nothing of how long it takes. */
export function replayStages(call: Call, stages: readonly Stage[]): void {
  for (const stage of stages) {
    const told = stageFor(call, stage);
    call.sink.stage('skipped' in told ? told : { ...told, way: 'joined' });
  }
}

/** The end of the image says what is not applied of that call's function; others wait for the same container. */
function stageFor({ target }: Call, stage: Stage): Stage {
  const { note } = target.image;
  if (stage.phase !== 'image' || note === undefined) return stage;
  if ('skipped' in stage) return { ...stage, skipped: withNote(stage.skipped, note) };
  if ('done' in stage) return { ...stage, done: withNote(stage.done ?? 'ready', note) };
  return stage;
}
