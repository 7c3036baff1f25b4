/**
 * A model that a function's body builds: the second call of it, from the click to its result. The floor is a tenth
 * of what the first call of the same container spent on loading, and the function's own work. Goal: at most that.
 * Where the Python has torch, the model is a state dict that torch.load reads; elsewhere a stand-in's.
 */
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { RunRecord } from '../runtime/protocol/runRecord';
import { startRun } from '../src/client/runs';
import { startBenchRuntime, stopContainers, type BenchRuntime } from './support/benchRuntime';
import { STAND_IN, TORCH } from './support/benchModels';
import { figure, median, type Figure } from './support/statistics';

export const name = 'modelLoad';

/** Fresh containers, with two calls each. */
const CONTAINERS = 5;

export async function* run(): AsyncGenerator<Figure> {
  const runtime = await startBenchRuntime();
  try {
    const model = (await has(runtime.python, 'torch')) ? TORCH : STAND_IN;
    // Beside the home, not in the workspace: weights are no part of a bundle.
    const weights = join(dirname(runtime.home), model.file);
    await promisify(execFile)(runtime.python, ['-c', model.make, weights]);
    const root = await runtime.workspace(model.files(weights));
    const seconds: number[] = [];
    const floors: number[] = [];
    for (let container = 0; container < CONTAINERS; container += 1) {
      await stopContainers(runtime.connection);
      const first = await call(runtime, root);
      const second = await call(runtime, root);
      seconds.push(second.ms);
      floors.push(loadedMs(first.record) / 10 + second.workMs);
      assertInMemory(second.record);
    }
    const what = `second call of a function that builds its model, ${model.called}`;
    yield figure(what, median(seconds), 'ms', median(floors));
  } finally {
    await runtime.dispose();
  }
}

async function has(python: string, module: string): Promise<boolean> {
  const found = `import importlib.util, sys; sys.exit(importlib.util.find_spec("${module}") is None)`;
  return promisify(execFile)(python, ['-c', found]).then(
    () => true,
    () => false,
  );
}

interface Called {
  record: RunRecord;
  /** From the click to the result. */
  ms: number;
  /** What the function did with the model it had, by its own clock. */
  workMs: number;
}

async function call({ connection, bundler }: BenchRuntime, root: string): Promise<Called> {
  const began = performance.now();
  const record = await startRun(connection, bundler, {
    root,
    file: 'app.py',
    qualname: 'generate',
    kind: 'function',
    arguments: { args: [], kwargs: {} },
    cpu: false,
  }).ended;
  const ms = performance.now() - began;
  const { result, error } = record;
  const workMs = result !== null && 'value' in result ? result.value : undefined;
  if (typeof workMs !== 'number') {
    throw new Error(`The run ${record.status}: ${error?.text ?? error?.message ?? 'no number'}`);
  }
  return { record, ms, workMs };
}

/** What a call spent on loading. Throws where it loaded nothing: it was no first call then. */
function loadedMs(record: RunRecord): number {
  const phase = modelLoad(record);
  if (phase.status !== 'done' || phase.ms === null) {
    throw new Error(`The first call of a container loaded no model: ${JSON.stringify(phase)}`);
  }
  return phase.ms;
}

/** Throws unless the call found its model in memory and says so. */
function assertInMemory(record: RunRecord): void {
  const phase = modelLoad(record);
  if (phase.status !== 'skipped' || phase.detail?.startsWith('already in memory') !== true) {
    throw new Error(`The second call did not find its model in memory: ${JSON.stringify(phase)}`);
  }
}

function modelLoad(record: RunRecord): RunRecord['phases'][number] {
  const found = record.phases.find(({ phase }) => phase === 'model-load');
  if (found === undefined) throw new Error('The run has no phase model-load.');
  return found;
}
