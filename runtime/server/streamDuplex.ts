/** A stream that the client opened, as Node's Duplex: for caller frames and a local entrypoint's output. */
import { Duplex } from 'node:stream';
import { MAX_DATA_BYTES } from '../protocol/flow';
import type { StreamCarrier, StreamOwner, StreamTable } from './streams';

interface Outgoing {
  rest: Uint8Array;
  done: (error?: Error | null) => void;
}

/**
 * Reads give one Buffer for each payload that the client sent, never joined; writes are cut to fit frames. Call it
 * while the request that names the stream is handled. Throws as StreamTable.accept does.
 */
export function acceptDuplex(id: number, streams: StreamTable, carrier: StreamCarrier): Duplex {
  const arrivals: (Buffer | null)[] = [];
  let wanted = false;
  let outgoing: Outgoing | undefined;

  const owner: StreamOwner = {
    received: (payload) => {
      // What comes after the reader has left is used up unread, so that the client's sender can finish.
      if (duplex.destroyed) stream.consumed(payload.byteLength);
      else arrive(payload);
    },
    peerEnded: () => {
      arrive(null);
    },
    lost: (error) => {
      duplex.destroy(error);
    },
    flush: () => {
      while (outgoing !== undefined) {
        if (!stream.ready) {
          // Credit schedules a flush by itself; a socket that is full does not.
          if (!carrier.writable) carrier.schedule(owner);
          return;
        }
        const { rest, done } = outgoing;
        stream.send(rest.subarray(0, MAX_DATA_BYTES));
        if (rest.byteLength > MAX_DATA_BYTES) {
          outgoing = { rest: rest.subarray(MAX_DATA_BYTES), done };
        } else {
          outgoing = undefined;
          done();
        }
      }
    },
  };
  const stream = streams.accept(id, owner, true);

  const arrive = (payload: Buffer | null): void => {
    arrivals.push(payload);
    deliver();
  };
  const deliver = (): void => {
    while (wanted) {
      const next = arrivals.shift();
      if (next === undefined) return;
      wanted = duplex.push(next);
      if (next !== null) stream.consumed(next.byteLength);
    }
  };

  const duplex = new Duplex({
    readableObjectMode: true,
    read: () => {
      wanted = true;
      deliver();
    },
    write: (chunk: Buffer, _encoding, done) => {
      outgoing = { rest: chunk, done };
      owner.flush();
    },
    final: (done) => {
      stream.sendEnd();
      done();
    },
    destroy: (error, done) => {
      for (const left of arrivals.splice(0)) if (left !== null) stream.consumed(left.byteLength);
      outgoing = undefined;
      stream.sendEnd();
      done(error);
    },
  });
  // A lost session destroys it with the reason. Whoever listens learns of it; nobody listening is no crash.
  duplex.on('error', () => undefined);
  return duplex;
}
