/** Connects a command to the runtime it is meant for, and leaves it as it was found. */
import { VelarError } from '../../runtime/protocol/errors';
import type { ClientConnection, RuntimeAddress } from '../client/api';
import { connect } from '../client/connection';
import { ensureEmbeddedRuntime, type EmbeddedRuntimeAddress } from '../client/embedded';
import { EMBEDDED_NAME } from '../client/runtimes';
import { CLIENT, runtimeScript, type CliContext } from './context';
import { runtimeList } from './runtimeFiles';

export interface RuntimeOptions {
  /** Name or id of a paired runtime, or `local`. */
  runtime?: string;
  engine?: string;
}

const ENDS_WITHIN_MS = 10_000;
const EMBEDDED_GIVE_UP_MS = 5_000;

/**
 * Runs `work` with a connection: to the runtime that is named, else VELAR_RUNTIME, else the selected paired
 * one, else the embedded one, which is started if need be and then stopped afterwards.
 */
export async function withRuntime<T>(
  context: CliContext,
  options: RuntimeOptions,
  work: (connection: ClientConnection) => Promise<T>,
): Promise<T> {
  const { signal } = context.interrupts;
  const paired = await pairedAddress(context, options);
  const embedded = paired === undefined ? await startEmbedded(context) : undefined;
  const address: RuntimeAddress | undefined = paired ?? embedded;
  if (address === undefined) throw new VelarError('internal', 'No runtime was chosen.');
  const connection = await connect(address, {
    client: CLIENT,
    signal,
    // One of this machine that is gone does not come back by itself.
    ...(embedded === undefined ? {} : { giveUpAfterMs: EMBEDDED_GIVE_UP_MS }),
  });
  try {
    if (options.engine !== undefined) await checkEngine(connection, options.engine);
    return await work(connection);
  } finally {
    await leave(connection, embedded);
  }
}

async function pairedAddress(
  context: CliContext,
  options: RuntimeOptions,
): Promise<RuntimeAddress | undefined> {
  const list = runtimeList(context.home);
  const named = options.runtime ?? context.environment['VELAR_RUNTIME'] ?? '';
  if (named === EMBEDDED_NAME) return undefined;
  if (named !== '') return list.address(named);
  const selected = await list.selected();
  return selected === undefined ? undefined : list.address(selected.id);
}

function startEmbedded(context: CliContext): Promise<EmbeddedRuntimeAddress> {
  return ensureEmbeddedRuntime({
    home: context.home,
    python: undefined,
    runtimeScript: runtimeScript(context),
    execPath: process.execPath,
    signal: context.interrupts.signal,
  });
}

async function checkEngine(connection: ClientConnection, wanted: string): Promise<void> {
  const { engine, name } = await connection.request('runtime.info', {});
  if (engine === wanted) return;
  throw new VelarError('unsupported', `${name} places containers with ${engine}, not ${wanted}.`, {
    hint: 'Choose another runtime with --runtime, or leave --engine out.',
  });
}

/** A runtime that this command started is told that nobody else is coming, and waited for. */
async function leave(
  connection: ClientConnection,
  embedded: EmbeddedRuntimeAddress | undefined,
): Promise<void> {
  if (embedded?.started !== true || connection.state.kind !== 'connected') {
    await connection.close();
    return;
  }
  const { ends } = await connection.request('runtime.release', {});
  await connection.close();
  if (ends) await embedded.exited(ENDS_WITHIN_MS);
}
