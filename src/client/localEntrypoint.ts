/** Runs a local entrypoint in the person's own Python, its `.remote()` calls going to the runtime. */
import { VelarError } from '../../runtime/protocol/errors';
import type { ClientConnection, RunHandle, RunRequest } from './api';
import type { Bundler, Overlay } from './runs';

export interface LocalPython {
  /** Absolute path of the interpreter. */
  executable: string;
  /** Folder that holds the `velar` and `velar_worker` packages (dist/python). */
  packages: string;
}

/** Like `startRun`, for a request of kind `local_entrypoint`. What it prints is part of the run's log. */
export function startLocalEntrypoint(
  _connection: ClientConnection,
  _bundler: Bundler,
  _python: LocalPython,
  _request: RunRequest,
  _overlay: Overlay = new Map(),
): RunHandle {
  throw new VelarError('unsupported', 'Being written.');
}
