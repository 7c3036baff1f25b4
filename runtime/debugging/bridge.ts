/** Joins a client's stream to the socket of a pump, each held to the pace of the other. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import * as z from 'zod';
import type { Clock } from '../scheduling/clock';
import { DapReader } from './dapReader';

/** What the pump waits for; from then on everything is DAP. */
const GO = Buffer.from([1]);
/** At the end, answers to what the client asked are waited for so long, in ms. */
const ANSWERS_WITHIN_MS = 500;

const requestSchema = z.object({ type: z.literal('request'), seq: z.number() });
const responseSchema = z.object({ type: z.literal('response'), request_seq: z.number() });

export interface BridgeEvents {
  /** A message of the client passes. */
  asked(message: unknown): void;
  /** A message of the adapter passes. */
  told(message: unknown): void;
}

/** The end of either side ends the other, behind what it had sent. */
export class Bridge {
  /** Requests of the client without an answer. */
  private readonly open = new Set<number>();
  private ending = false;

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
        events.told(message);
      }
      this.endWhenAnswered();
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

  /** Ends both sides, once the client has the answers to what it asked, or soon. */
  end(): void {
    this.ending = true;
    this.stream.once(
      'close',
      this.clock.timer(ANSWERS_WITHIN_MS, () => this.socket.destroy()),
    );
    this.endWhenAnswered();
  }

  private endWhenAnswered(): void {
    if (!this.ending || this.open.size > 0) return;
    // The chunk at hand is still on its way through the pipe.
    setImmediate(() => this.socket.destroy());
  }
}
