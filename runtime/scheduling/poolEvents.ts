/** What containers do, told to the runs, samplers and callers that it concerns. */
import type { Callers } from './callers';
import type { Container } from './container';
import type { RunOutput } from './output';
import type { PoolListener } from './pool';
import type { Run } from './run';
import type { Storage } from './storage';
import type { Telemetry } from './telemetry';

/** Each is asked for when it is needed: they are made after the pool. */
export interface PoolAudience {
  output: () => RunOutput;
  telemetry: () => Telemetry;
  callers: () => Callers;
  storage: () => Storage;
  warn: (message: string) => void;
}

export function poolEvents({
  output,
  telemetry,
  callers,
  storage,
  warn,
}: PoolAudience): PoolListener {
  return {
    changed: () => telemetry().changed(),
    warn,
    built: (calls, text) => output().built(calls, text),
    imageBuilt: () => storage().imageBuilt(),
    loaded: (container, ms, waiting) => {
      // Whoever waited first is charged: the others would not have had to wait without it.
      const run = waiting[0]?.run;
      if (run !== undefined) charge(run, container, ms);
    },
    dispatched: (container, calls, warm) => {
      for (const run of new Set(calls.map((call) => call.run))) {
        output().worksFor(container, run);
        run.useContainer(container, warm);
      }
    },
    callEnded: (container, call, busyMs) => charge(call.run, container, busyMs),
    gpusHeld: (container, held) => telemetry().gpusHeld(container, held),
    memory: (container, message) => telemetry().memory(container, message),
    caller: (container, message, body) => callers().fromContainer(container, message, body),
    runnerGone: (container) => callers().runnerGone(container),
    printed: (container, fd, call, bytes) => output().printed(container, fd, call, bytes),
  };
}

function charge(run: Run, container: Container, busyMs: number): void {
  const { gpu, gpus } = container;
  const model = gpu === null ? null : (gpus[0]?.model ?? gpu.name);
  run.charge({ busyMs, gpu: model, count: gpus.length });
}
