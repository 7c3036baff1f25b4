import * as assert from 'node:assert/strict';
import { INITIAL_WINDOW_BYTES, MAX_DATA_BYTES } from '../../runtime/protocol/flow';
import { VelarError } from '../../runtime/protocol/errors';
import { StreamTable } from '../../src/client/streams';

interface Sent {
  stream: number;
  bytes: number;
  end: boolean;
}

function table(): { streams: StreamTable; sent: Sent[]; credit: number[]; failures: unknown[] } {
  const sent: Sent[] = [];
  const credit: number[] = [];
  const failures: unknown[] = [];
  const streams = new StreamTable({
    data: (stream, payload, end) => sent.push({ stream, bytes: payload.byteLength, end }),
    credit: (_stream, bytes) => credit.push(bytes),
    failed: (error) => failures.push(error),
  });
  return { streams, sent, credit, failures };
}

function total(sent: readonly Sent[]): number {
  return sent.reduce((sum, { bytes }) => sum + bytes, 0);
}

describe('streams', () => {
  it('send no more than the credit, and go on as more is granted', async () => {
    const { streams, sent } = table();
    const stream = streams.open(true);
    const size = INITIAL_WINDOW_BYTES + 3 * MAX_DATA_BYTES;
    const writing = stream.write(Buffer.alloc(size));
    await Promise.resolve();
    assert.equal(total(sent), INITIAL_WINDOW_BYTES);
    assert.ok(sent.every(({ bytes }) => bytes <= MAX_DATA_BYTES));
    streams.granted(stream.id, 3 * MAX_DATA_BYTES);
    await writing;
    stream.end();
    assert.equal(total(sent), size);
    assert.equal(sent.at(-1)?.end, true);
    assert.equal(streams.size, 0, 'an ended stream is forgotten');
  });

  it('let the sender go on once the receiver wants nothing more', async () => {
    const { streams, sent } = table();
    const stream = streams.open(true);
    const writing = stream.write(Buffer.alloc(4 * INITIAL_WINDOW_BYTES));
    stream.abandon();
    await writing;
    assert.equal(total(sent), INITIAL_WINDOW_BYTES);
  });

  it('keep what arrives before anybody reads, in order', () => {
    const { streams } = table();
    streams.arrived({ stream: 2, seq: 1, end: false, payload: Buffer.from('a') });
    streams.arrived({ stream: 2, seq: 2, end: true, payload: Buffer.from('b') });
    const seen: (string | null)[] = [];
    streams.accept(2).onPayload((payload) => {
      seen.push(payload === null ? null : Buffer.from(payload).toString());
    });
    assert.deepEqual(seen, ['a', 'b', null]);
    assert.equal(streams.size, 0);
  });

  it('grant no credit for what a slow reader has not used', async () => {
    const { streams, credit } = table();
    let release = (): void => undefined;
    streams.accept(2).onPayload(
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    const payload = Buffer.alloc(INITIAL_WINDOW_BYTES / 2);
    streams.arrived({ stream: 2, seq: 1, end: false, payload });
    assert.deepEqual(credit, []);
    release();
    await new Promise(setImmediate);
    assert.deepEqual(credit, [payload.byteLength]);
  });

  it('fail what waits to be written when the session is lost', async () => {
    const { streams } = table();
    const stream = streams.open(false);
    const lost: Error[] = [];
    stream.onLost((error) => lost.push(error));
    const writing = stream.write(Buffer.alloc(2 * INITIAL_WINDOW_BYTES));
    const error = new VelarError('session-lost', 'Gone.');
    streams.lost(error);
    await assert.rejects(writing, error);
    assert.deepEqual(lost, [error]);
  });

  it('report a reader that fails', async () => {
    const { streams, failures } = table();
    const fault = new Error('no chunk');
    streams.accept(2).onPayload(() => {
      throw fault;
    });
    streams.arrived({ stream: 2, seq: 1, end: false, payload: Buffer.from('a') });
    await new Promise(setImmediate);
    assert.deepEqual(failures, [fault]);
  });
});
