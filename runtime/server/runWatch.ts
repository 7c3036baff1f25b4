/** What one session sees of one run: its log at the pace of the client's credit, its events in step with it. */
import type { RunEvent } from '../protocol/events';
import { MAX_DATA_BYTES } from '../protocol/flow';
import { encodeLogChunk, LOG_HEADER_BYTES, type LogChunk } from '../protocol/logChunks';
import { VelarError } from '../protocol/errors';
import type { RunSummary } from '../protocol/methods';
import type { RunService, RunWatch } from '../scheduling/service';
import type { Session } from './session';
import type { SessionStream, StreamOwner } from './streams';

/** Queued events over which older telemetry gives way to newer. */
const THIN_ABOVE = 64;
/** Events in one message. */
const EVENTS_PER_MESSAGE = 256;

export class SessionRunWatch implements StreamOwner {
  private readonly watch: RunWatch;
  private readonly stream: SessionStream;
  private readonly forgetReadable: () => void;
  private queue: RunEvent[] = [];
  /** Events that follow all lines logged before them, and the last of those lines once it is known. */
  private held: { event: RunEvent; afterLine: number | undefined }[] = [];
  private reading = false;
  private logLost = false;
  private closed = false;

  /** Throws `not-found`. Events go out behind the response of the request that is being handled. */
  constructor(
    private readonly session: Session,
    private readonly run: string,
    afterSeq: number,
    service: RunService,
    private readonly onClosed: (watch: SessionRunWatch) => void,
  ) {
    this.watch = service.watch(run, afterSeq, (events) => {
      this.take(events);
    });
    this.stream = session.streams.open(this);
    this.forgetReadable = this.watch.log.onReadable(() => {
      session.schedule(this);
    });
    session.schedule(this);
  }

  get logStream(): number {
    return this.stream.id;
  }

  summary(): RunSummary {
    return this.watch.summary();
  }

  flush(): void {
    if (this.closed) return;
    this.pumpLog();
    this.release();
    this.sendQueue();
  }

  received(): void {
    this.session.end(new VelarError('protocol', 'Data on a log stream.'), true);
  }

  peerEnded(): void {
    this.received();
  }

  lost(): void {
    this.close();
  }

  /** Stops watching; the run goes on. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.forgetReadable();
    this.watch.close();
    this.watch.log.close();
    this.session.unschedule(this);
    this.stream.sendEnd();
    this.onClosed(this);
  }

  private take(events: readonly RunEvent[]): void {
    for (const event of events) {
      if (followsLog(event)) this.held.push({ event, afterLine: undefined });
      else this.queue.push(event);
    }
    this.session.schedule(this);
  }

  private pumpLog(): void {
    try {
      while (!this.reading && !this.logLost && this.stream.ready) {
        const next = this.watch.log.next(MAX_DATA_BYTES - LOG_HEADER_BYTES);
        if (next === undefined) return;
        if (next instanceof Promise) this.awaitDisk(next);
        else this.sendChunk(next);
      }
    } catch (error) {
      this.loseLog(error);
    }
    // A full socket says nothing when it empties unless something waits for it.
    if (!this.session.writable) this.session.schedule(this);
  }

  private awaitDisk(next: Promise<LogChunk | undefined>): void {
    this.reading = true;
    next
      .then(
        (chunk) => {
          if (chunk !== undefined && !this.closed) this.sendChunk(chunk);
        },
        (error: unknown) => {
          this.loseLog(error);
        },
      )
      .finally(() => {
        this.reading = false;
        if (!this.closed) this.session.schedule(this);
      });
  }

  private sendChunk(chunk: LogChunk): void {
    this.stream.send(encodeLogChunk(chunk));
  }

  /** The rest of the log can't be read: the client is told how much it misses, and events go on. */
  private loseLog(error: unknown): void {
    this.logLost = true;
    const { position, end } = this.watch.log;
    this.queue.push({
      type: 'log-gap',
      at: Date.now(),
      afterSeq: position,
      lines: end - position,
      reason: VelarError.from(error).message,
    });
  }

  private release(): void {
    const { position, end } = this.watch.log;
    for (const held of this.held) held.afterLine ??= end;
    for (;;) {
      const first = this.held[0];
      if (first?.afterLine === undefined) return;
      if (this.reading || (first.afterLine > position && !this.logLost)) return;
      this.held.shift();
      this.queue.push(first.event);
    }
  }

  private sendQueue(): void {
    if (this.queue.length > THIN_ABOVE) this.queue = thin(this.queue);
    while (this.queue.length > 0) {
      if (!this.session.writable) {
        this.session.schedule(this);
        return;
      }
      const events = this.queue.splice(0, messageLength(this.queue));
      this.session.send({ type: 'run', run: this.run, events }, events.every(canWait));
      if (events.at(-1)?.type === 'ended') this.close();
    }
  }
}

/** Events that say something about the run up to here are only true once its output is there too. */
function followsLog(event: RunEvent): boolean {
  return (
    event.type === 'result' ||
    event.type === 'error' ||
    event.type === 'cost' ||
    event.type === 'ended'
  );
}

/** Phases of a warm run follow each other within a moment, and its end follows them. */
function canWait(event: RunEvent): boolean {
  return event.type === 'phase' || event.type === 'container';
}

/** How many events go in one message: at most one large one, so that no message grows past its limit. */
function messageLength(queue: readonly RunEvent[]): number {
  const isLarge = (event: RunEvent): boolean =>
    ['yield', 'input-result', 'result'].includes(event.type);
  const first = queue.findIndex(isLarge);
  const second =
    first === -1 ? -1 : queue.findIndex((event, index) => index > first && isLarge(event));
  return Math.min(second === -1 ? queue.length : second, EVENTS_PER_MESSAGE);
}

/** Drops samples and counts that a newer one of the same kind replaces; the order of the rest stays. */
function thin(queue: readonly RunEvent[]): RunEvent[] {
  const seen = new Set<string>();
  return queue
    .toReversed()
    .filter((event) => {
      const kind =
        event.type === 'memory'
          ? `memory ${event.device}`
          : event.type === 'calls' || event.type === 'batch'
            ? event.type
            : event.type === 'phase' && event.status === 'progress'
              ? `progress ${event.phase}`
              : undefined;
      if (kind === undefined) return true;
      if (seen.has(kind)) return false;
      seen.add(kind);
      return true;
    })
    .toReversed();
}
