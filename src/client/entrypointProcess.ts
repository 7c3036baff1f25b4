/**
 * Entry of dist/entrypoint.js: one local entrypoint, in a process of its own with its own connection to the runtime. So
 * it goes on when the editor or command that started it is gone, and ends with its run.
 */
import { VelarError } from '../../runtime/protocol/errors';
import { CALLER_GRACE_MS } from '../../runtime/protocol/version';
import type { ClientConnection } from './api';
import { connect, isLoopback } from './connection';
import {
  entrypointOrderSchema,
  type EntrypointAnswer,
  type EntrypointOrder,
} from './entrypointOrder';
import { serveEntrypoint } from './localEntrypoint';

/** A runtime of this machine that is gone does not come back by itself. */
const LOOPBACK_GIVE_UP_MS = 5_000;
/** Behind every line that a log can have. */
const NO_LOG = Number.MAX_SAFE_INTEGER - 1;

async function main(): Promise<void> {
  // The editor's program is told so to behave as Node; the person's Python has no use for it.
  delete process.env['ELECTRON_RUN_AS_NODE'];
  const connection = await begin().catch(async (error: unknown) => {
    await answer({ error: VelarError.from(error).toWire() });
    return undefined;
  });
  if (connection === undefined) return;
  const { order, link } = connection;
  let isHeld = false;
  try {
    const signal = await endOf(link, order.run);
    const { run, python, request, overlay, shipped } = order;
    await serveEntrypoint(
      link,
      { run, python, request, overlay: new Map(overlay), shipped },
      signal,
      () => {
        // Whoever started the run may leave now, not before: the runtime would end it with them.
        isHeld = true;
        return answer({ connected: true });
      },
    );
  } catch (error) {
    if (!isHeld) await answer({ error: VelarError.from(error).toWire() });
    throw error;
  } finally {
    await link.close();
  }
}

async function begin(): Promise<{ order: EntrypointOrder; link: ClientConnection }> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += String(chunk);
  const order = entrypointOrderSchema.parse(JSON.parse(text));
  const { address, client } = order;
  const { fingerprint, ...plain } = address;
  const link = await connect(fingerprint === undefined ? plain : { ...plain, fingerprint }, {
    client,
    background: true,
    giveUpAfterMs: isLoopback(address.url) ? LOOPBACK_GIVE_UP_MS : CALLER_GRACE_MS,
  });
  return { order, link };
}

/** Aborted once the run has ended, for whatever reason, or can't be known any more. */
async function endOf(link: ClientConnection, run: string): Promise<AbortSignal> {
  const over = new AbortController();
  link.onRunEvents(run, (events) => {
    if (events.some(({ type }) => type === 'ended')) over.abort();
  });
  link.onState(({ kind }) => {
    if (kind === 'closed') over.abort();
  });
  // A session that is lost takes the caller's stream with it, and the runtime ends the run.
  link.onNewSession(() => {
    over.abort();
  });
  process.once('SIGTERM', () => {
    over.abort();
  });
  const { logStream } = await link.request('run.attach', { run, afterSeq: NO_LOG });
  link.acceptStream(logStream).onPayload(() => undefined);
  return over.signal;
}

/** Whoever asked may be gone already, which changes nothing. */
function answer(said: EntrypointAnswer): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.once('error', () => {
      resolve();
    });
    process.stdout.end(`${JSON.stringify(said)}\n`, () => {
      resolve();
    });
  });
}

main().then(
  () => process.exit(0),
  () => process.exit(1),
);
