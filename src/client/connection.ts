/** Connects to a runtime. */
import { VelarError } from '../../runtime/protocol/errors';
import type { ClientConnection, RuntimeAddress } from './api';

export interface ConnectOptions {
  /** Shown to the runtime's owner, for example `VS Code`. */
  client: { name: string; version: string };
  /** Gives up connecting; a connection that is up stays. */
  signal?: AbortSignal;
  /** After a drop: how long to go on trying before the connection closes for good. Default 5 minutes. */
  giveUpAfterMs?: number;
}

/** Resolves once the runtime has welcomed us. Throws VelarError `unreachable`, `unauthorised`, `version`, `cancelled`. */
export async function connect(
  _address: RuntimeAddress,
  _options: ConnectOptions,
): Promise<ClientConnection> {
  throw new VelarError('unsupported', 'Being written.');
}
