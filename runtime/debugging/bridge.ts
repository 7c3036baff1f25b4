/** Joins a client's stream to the socket of a pump, each held to the pace of the other. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import * as z from 'zod';
import type { Clock } from '../scheduling/clock';
import { DapReader } from './dapReader';

/** What the pump waits for; from then on everything is DAP. */
const GO = Buffer.from([1]);
/** At the end, what debugpy still has to tell is waited for so long, in ms. */
const TOLD_WITHIN_MS = 3000;
/** What a runner has debugpy say behind everything of a call (`ALL_TOLD` of `velar_worker/debugging.py`). */
const ALL_TOLD = 'velar: all told';

const requestSchema = z.object({ type: z.literal('request'), seq: z.number() });
const allToldSchema = z.object({ body: z.object({ output: z.literal(ALL_TOLD) }) });
const responseSchema = z.object({ type: z.literal('response'), request_seq: z.number() });

export interface BridgeEvents {
  /** A message of the client passes. */
  asked(message: unknown): void;
  /** A message of the adapter passes. */
  told(message: unknown): void;
  /** All that there is of the call has passed. */
  toldAll(): void;
}

/** The end of either side ends the other, behind what it had sent. */
export class Bridge {
  /** Requests of the client without an answer. */
  private readonly open = new Set<number>();
  private ending = false;
  private complete = false;

  constructor(
    private readonly stream: Duplex,
    private readonly socket: Socket,
    private readonly clock: Clock,
    events: BridgeEvents,
  ) {
    const fromAdapter = new DapReader();
    const fromClient = new DapReader();
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      for (const message of fromAdapter.push(chunk)) {
        const response = responseSchema.safeParse(message);
        if (response.success) this.open.delete(response.data.request_seq);
        if (allToldSchema.safeParse(message).success) events.toldAll();
        else events.told(message);
      }
      this.endWhenTold();
    });
    stream.on('data', (chunk: Buffer) => {
      for (const message of fromClient.push(chunk)) {
        const request = requestSchema.safeParse(message);
        if (request.success) this.open.add(request.data.seq);
        events.asked(message);
      }
    });
    // What the client sends after that is used up unread.
    socket.on('close', () => stream.end(() => stream.destroy()));
    stream.on('close', () => socket.destroy());
    socket.write(GO);
    stream.pipe(socket);
    socket.pipe(stream);
  }

  /** There is nothing of the call that the process has still to tell. */
  toldAll(): void {
    this.complete = true;
    this.endWhenTold();
  }

  /** Ends both sides, once the client has everything of the call and the answers to what it asked, or soon. */
  end(): void {
    this.ending = true;
    this.stream.once(
      'close',
      this.clock.timer(TOLD_WITHIN_MS, () => this.socket.destroy()),
    );
    this.endWhenTold();
  }

  private endWhenTold(): void {
    if (!this.ending || !this.complete || this.open.size > 0) return;
    // The chunk at hand is still on its way through the pipe.
    setImmediate(() => this.socket.destroy());
  }
}
