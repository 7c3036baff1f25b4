/** The embedded runtime: the one of this machine, started when first needed. */
import { VelarError } from '../../runtime/protocol/errors';
import type { RuntimeAddress } from './api';

export interface EmbeddedOptions {
  /** VELAR_HOME, see home.ts. */
  home: string;
  /** The interpreter for the functions; undefined lets the runtime look for one. */
  python: string | undefined;
  /** Absolute path of dist/runtime.js. */
  runtimeScript: string;
  /** Node, or Electron (then it is told to behave as Node). */
  execPath: string;
  signal?: AbortSignal;
}

export interface EmbeddedRuntimeAddress extends RuntimeAddress {
  pid: number;
  /** True when this call started it, false when it was running. */
  started: boolean;
}

/**
 * Joins the running runtime of that home or starts one. It ends by itself when its last client has left.
 * Throws VelarError `unreachable` with what the runtime printed, `cancelled`.
 */
export async function ensureEmbeddedRuntime(
  _options: EmbeddedOptions,
): Promise<EmbeddedRuntimeAddress> {
  throw new VelarError('unsupported', 'Being written.');
}
