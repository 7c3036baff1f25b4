/** Starts runs and follows them. */
import { VelarError } from '../../runtime/protocol/errors';
import type { FileEntry } from '../../runtime/protocol/methods';
import type { ClientConnection, RunHandle, RunRequest } from './api';

/** A bundle ready to be offered. */
export interface BundleContent {
  readonly files: readonly FileEntry[];
  /** Content of one of its files as it was when hashed. Throws `bundle-changed`. */
  read(entry: FileEntry): Promise<Uint8Array>;
}

/** Unsaved editor text: from absolute path to content. */
export type Overlay = ReadonlyMap<string, string>;

/** Makes the bundle of a run: see bundle/. */
export interface Bundler {
  build(root: string, file: string, overlay: Overlay, signal: AbortSignal): Promise<BundleContent>;
}

/** Starts at once; everything after that is told through the handle. */
export function startRun(
  _connection: ClientConnection,
  _bundler: Bundler,
  _request: RunRequest,
  _overlay: Overlay = new Map(),
): RunHandle {
  throw new VelarError('unsupported', 'Being written.');
}

/** Follows a run that exists, from its first line. `ended` rejects with `not-found`. */
export function attachRun(_connection: ClientConnection, _run: string): RunHandle {
  throw new VelarError('unsupported', 'Being written.');
}
