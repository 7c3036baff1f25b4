/** What containers do, told to the runs, samplers and callers that it concerns. */
import type { VersionImages } from '../deployments/versionImages';
import type { DebugSessions } from '../debugging/debugSessions';
import type { Callers } from './callers';
import type { RunOutput } from './output';
import type { Container } from './container';
import type { PoolListener } from './pool';
import { readPostMortem } from './postMortem';
import type { Run } from './run';
import type { Spending } from './spending';
import type { Storage } from './storage';
import type { Telemetry } from './telemetry';

/** Each is asked for when it is needed: they are made after the pool. */
export interface PoolAudience {
  output: () => RunOutput;
  telemetry: () => Telemetry;
  callers: () => Callers;
  storage: () => Storage;
  audience: (container: Container) => readonly Run[];
  spending: () => Spending;
  debugging: () => DebugSessions;
  images: VersionImages;
  warn: (message: string) => void;
}

export function poolEvents({
  output,
  telemetry,
  callers,
  storage,
  audience,
  spending,
  debugging,
  images,
  warn,
}: PoolAudience): PoolListener {
  return {
    changed: () => {
      telemetry().changed();
      spending().changed();
      debugging().changed();
    },
    warn,
    built: (calls, text) => output().built(calls, text),
    imageReady: (target, built) => {
      images
        .ready(target)
        .catch((error: unknown) => warn(`An image was not pinned: ${String(error)}`));
      if (built) storage().imageBuilt();
    },
    loaded: (container, ms, waiting) => spending().loaded(container, ms, waiting[0]),
    dispatched: (container, calls, warm) => {
      for (const run of new Set(calls.map((call) => call.run))) {
        output().worksFor(container, run);
        run.useContainer(container, warm);
      }
      debugging().dispatched(container, calls);
    },
    callEnded: (container, call, busyMs) => {
      spending().worked(container, call, busyMs);
      debugging().callEnded(container, call);
    },
    gpusHeld: (container, held) => telemetry().gpusHeld(container, held),
    memory: (container, message) => telemetry().memory(container, message),
    postMortem: (container, call, body) => {
      const frames = readPostMortem(body);
      if (frames === undefined) return;
      const of = call === null ? undefined : container.inflight.get(call);
      if (of === undefined) for (const run of audience(container)) run.inspect(frames, 'import');
      else of.run.inspect(frames, of.output === 'pickle' || of.batch ? { call: of.id } : 'own');
    },
    caller: (container, message, body) => callers().fromContainer(container, message, body),
    runnerGone: (container) => {
      callers().runnerGone(container);
      debugging().runnerGone(container);
    },
    debug: (container, message) => debugging().said(container, message),
    debugChannel: (container, channel, socket) => debugging().channel(container, channel, socket),
    debugLoad: (container, load) => debugging().load(container, load),
    printed: (container, fd, call, bytes) => output().printed(container, fd, call, bytes),
  };
}
