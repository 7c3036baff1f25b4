/** `app.deploy()` of a local entrypoint: what it asks for is deployed from here, as `velar deploy` does. */
import type { Readable, Writable } from 'node:stream';
import {
  entrypointMessageSchema,
  type DeployAnswer,
  type EntrypointMessage,
} from '../../runtime/protocol/entrypointMessages';
import { VelarError } from '../../runtime/protocol/errors';
import type { RunEvent } from '../../runtime/protocol/events';
import { formatMs } from '../../runtime/protocol/figures';
import type { RunRecord } from '../../runtime/protocol/runRecord';
import type { RunError } from '../../runtime/protocol/values';
import { encodeWorkerMessage, WorkerFrameReader } from '../../runtime/protocol/workerFrames';
import type { ClientConnection, RunHandle } from './api';
import type { Commit } from './commit';
import { endpointAddress, servedOf, startDeployOf } from './deploy';

export interface EntrypointDeploysOptions {
  connection: ClientConnection;
  /** The entrypoint's own run, and what it was started from. */
  origin: { within: string; bundle: string; file: string; cpu: boolean };
  commit: Promise<Commit | null>;
  /** Frames of the entrypoint, and where answers to it go. */
  requests: Readable;
  answers: Writable;
  /** Prints into the log of the entrypoint's run. */
  print: (text: string) => Promise<void>;
}

type Deploy = Extract<EntrypointMessage, { type: 'deploy' }>;

export class EntrypointDeploys {
  private readonly going = new Map<number, RunHandle>();
  private readonly followed = new Set<Promise<void>>();
  private printing: Promise<void> = Promise.resolve();
  private cancelled = false;

  constructor(private readonly options: EntrypointDeploysOptions) {
    // A child that ends without reading its answers is no failure of ours.
    options.answers.on('error', () => options.answers.destroy());
  }

  /** Takes what the entrypoint asks for, until it ends. Throws `protocol`. */
  async serve(): Promise<void> {
    const reader = new WorkerFrameReader();
    for await (const chunk of this.options.requests as AsyncIterable<Buffer>) {
      for (const frame of reader.push(chunk)) {
        if (frame.kind === 'message') this.receive(entrypointMessageSchema.parse(frame.header));
      }
    }
  }

  /** Cancels what goes on; nothing begins from here on. */
  cancel(): void {
    this.cancelled = true;
    for (const handle of this.going.values()) cancelled(handle);
  }

  /** Resolves when all that was asked for has ended and is told. */
  async ended(): Promise<void> {
    await Promise.all(this.followed);
    await this.printing;
  }

  private receive(message: EntrypointMessage): void {
    if (message.type === 'cancel-invocation') {
      const handle = this.going.get(message.invocation);
      if (handle !== undefined) cancelled(handle);
      return;
    }
    const following: Promise<void> = this.deploy(message).finally(() => {
      this.followed.delete(following);
    });
    this.followed.add(following);
  }

  private async deploy(message: Deploy): Promise<void> {
    const { connection, origin } = this.options;
    const { invocation, app, environment } = message;
    const commit = await this.options.commit;
    const handle = startDeployOf(connection, { ...origin, app, environment, commit });
    this.going.set(invocation, handle);
    if (this.cancelled) cancelled(handle);
    const name = `deploy ${app} to ${environment}`;
    this.print(`${name}: started as ${handle.run}`);
    let last = '';
    handle.onEvents((events) => {
      for (const line of events.flatMap(progressOf)) {
        if (line !== last) this.print(`${name}: ${line}`);
        last = line;
      }
    });
    try {
      const record = await handle.ended;
      const answer = await this.answerTo(record);
      if ('error' in answer) this.failed(invocation, name, answer.error);
      else {
        this.print(`${name}: version ${String(answer.version)} is served`);
        const body = Buffer.from(JSON.stringify(answer));
        const items = [{ index: 0, ok: true, size: body.byteLength }];
        this.send({ type: 'outputs', invocation, items }, body);
        this.send({ type: 'invocation-end', invocation });
      }
    } catch (error) {
      this.failed(invocation, name, refusalOf(VelarError.from(error)));
    } finally {
      this.going.delete(invocation);
    }
  }

  private async answerTo(record: RunRecord): Promise<DeployAnswer | { error: RunError }> {
    const served = servedOf(record);
    if (record.error !== null) return { error: record.error };
    if (served === undefined) throw new VelarError('protocol', 'The deploy ended with no version.');
    const { app, version, environment } = served;
    const { url } = this.options.connection;
    const { apps } = await this.options.connection.request('deployment.list', {});
    const made = apps
      .find((each) => each.app === app)
      ?.versions.find((each) => each.version === version);
    const addresses = (made?.functions ?? []).map(({ qualname }) => [
      qualname,
      endpointAddress(url, environment, app, qualname),
    ]);
    return {
      version,
      run: record.run,
      addresses: Object.fromEntries(addresses) as Record<string, string>,
    };
  }

  private failed(invocation: number, name: string, error: RunError): void {
    this.print(`${name}: ${error.message.split('\n')[0] ?? ''}`);
    this.send({ type: 'invocation-end', invocation, error });
  }

  private send(header: object, body?: Buffer): void {
    const { answers } = this.options;
    if (answers.writable) answers.write(encodeWorkerMessage(header, body));
  }

  /** One line after the other. A log that is lost with its session takes no more. */
  private print(line: string): void {
    this.printing = this.printing
      .then(() => this.options.print(`${line}\n`))
      .catch(() => undefined);
  }
}

/** What a person reads of an event while it goes on; nothing of most. */
function progressOf(event: RunEvent): string[] {
  if (event.type === 'attempt') return [`attempt ${String(event.attempt)}, ${event.reason}`];
  if (event.type !== 'phase' || event.status === 'skipped') return [];
  const { phase, status, detail, ms } = event;
  if (status === 'done') return [`${phase} done in ${formatMs(ms ?? 0)}`];
  return detail === undefined ? [] : [`${phase}, ${detail}`];
}

/** A deploy that could not even begin, as an error of a run. */
function refusalOf({ code, message, hint }: VelarError): RunError {
  const kinds = {
    conflict: { kind: 'user', type: 'Refused' },
    cancelled: { kind: 'cancelled', type: 'Cancelled' },
  } as const;
  const named =
    code === 'conflict' || code === 'cancelled'
      ? kinds[code]
      : ({ kind: 'infrastructure', type: 'Deploy' } as const);
  return { ...named, message, traceback: [], ...(hint === undefined ? {} : { hint }) };
}

/** One that can't be delivered is told by the run's own end. */
function cancelled(handle: RunHandle): void {
  handle.cancel().catch(() => undefined);
}
