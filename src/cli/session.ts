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
/** After an interrupt: how long the runtime may take to answer anything at all. */
const ANSWERS_WITHIN_MS = 5_000;

/**
 * Runs `work` with a connection: to the runtime that is named, else VELAR_RUNTIME, else the selected paired
 * one, else the embedded one, which is started if need be and then stopped afterwards: `endsWithUs`.
 */
export async function withRuntime<T>(
  context: CliContext,
  options: RuntimeOptions,
  work: (
    connection: ClientConnection,
    address: RuntimeAddress,
    /** The runtime was started for this command and ends with it. */
    endsWithUs: boolean,
  ) => Promise<T>,
): Promise<T> {
  const { signal } = context.interrupts;
  const paired = await pairedAddress(context, options);
  const embedded = paired === undefined ? await startEmbedded(context, options.engine) : undefined;
  const address: RuntimeAddress | undefined = paired ?? embedded;
  if (address === undefined) throw new VelarError('internal', 'No runtime was chosen.');
  const connection = await connect(address, {
    client: CLIENT,
    signal,
    // One of this machine that is gone does not come back by itself.
    ...(embedded === undefined ? {} : { giveUpAfterMs: EMBEDDED_GIVE_UP_MS }),
  });
  void context.interrupts.first.then(() => abandonIfSilent(connection));
  try {
    if (options.engine !== undefined) await checkEngine(connection, options.engine);
    return await work(connection, address, embedded?.started === true);
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

function startEmbedded(
  context: CliContext,
  engine: string | undefined,
): Promise<EmbeddedRuntimeAddress> {
  return ensureEmbeddedRuntime({
    home: context.home,
    python: undefined,
    engine,
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

/** Whoever interrupts wants an end: a runtime that is stopped or stuck must not keep it from coming. */
async function abandonIfSilent(connection: ClientConnection): Promise<void> {
  try {
    await connection.request('runtime.info', {}, AbortSignal.timeout(ANSWERS_WITHIN_MS));
  } catch {
    // One that has closed by now stays as it is.
    connection.abandon(
      new VelarError('cancelled', 'Cancelled. The runtime does not answer, so it was not told.', {
        hint: '`velar ps` shows what goes on there.',
      }),
    );
  }
}

/**
 * A runtime that this command started is told that nobody else is coming, and waited for; one that does
 * not answer is ended.
 */
async function leave(
  connection: ClientConnection,
  embedded: EmbeddedRuntimeAddress | undefined,
): Promise<void> {
  if (embedded?.started !== true) {
    await connection.close();
    return;
  }
  const released = await release(connection);
  await connection.close();
  if (released === 'silent') embedded.kill();
  if (released !== 'kept') await embedded.exited(ENDS_WITHIN_MS);
}

/** `kept`: others have joined it, or it is out of reach and ends by its own rules. */
async function release(connection: ClientConnection): Promise<'ends' | 'kept' | 'silent'> {
  try {
    if (connection.state.kind === 'connected') {
      const { ends } = await connection.request('runtime.release', {});
      return ends ? 'ends' : 'kept';
    }
  } catch {
    // What became of the connection says why.
  }
  const { state } = connection;
  const abandoned =
    state.kind === 'closed' &&
    state.error !== null &&
    VelarError.from(state.error).code === 'cancelled';
  return abandoned ? 'silent' : 'kept';
}
