import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ReliableChannel, type WireFrame } from '../../runtime/protocol/channel';
import { decodeBinaryFrame } from '../../runtime/protocol/frames';
import { INITIAL_WINDOW_BYTES, ReceiveWindow, SendWindow } from '../../runtime/protocol/flow';
import { sequencedSchema } from '../../runtime/protocol/link';

/** One end of a pair: what it sends goes into `wire`, what it accepts into `got`. */
class End {
  readonly channel = new ReliableChannel();
  readonly got: unknown[] = [];
  wire: WireFrame[] = [];

  send(value: number): void {
    this.wire.push(
      value % 3 === 0
        ? this.channel.binary(1, Buffer.from(String(value)))
        : this.channel.text({ value }),
    );
  }

  receive(frame: WireFrame): void {
    if (typeof frame === 'string') {
      const { seq, ack, body } = sequencedSchema.parse(JSON.parse(frame));
      this.channel.acknowledged(ack);
      if (this.channel.accept(seq, frame.length)) this.got.push((body as { value: number }).value);
      return;
    }
    const { seq, payload } = decodeBinaryFrame(frame);
    if (this.channel.accept(seq, frame.length)) this.got.push(Number(Buffer.from(payload)));
  }
}

/** What happens to a pair: either side sends, some frames arrive, an acknowledgement, a drop. */
const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('send' as const),
      side: fc.nat(1),
      count: fc.integer({ min: 1, max: 9 }),
    }),
    fc.record({
      kind: fc.constant('deliver' as const),
      side: fc.nat(1),
      count: fc.integer({ min: 1, max: 9 }),
    }),
    fc.record({ kind: fc.constant('ack' as const), side: fc.nat(1), count: fc.constant(0) }),
    fc.record({ kind: fc.constant('drop' as const), side: fc.nat(1), count: fc.constant(0) }),
  ),
  { maxLength: 80 },
);

describe('reliable channel', () => {
  it('delivers everything once and in order, whatever is dropped and when', () => {
    fc.assert(
      fc.property(steps, (plan) => {
        const ends: [End, End] = [new End(), new End()];
        const sent: [number[], number[]] = [[], []];
        let next = 1;
        const reconnect = (): void => {
          // What was under way is gone; each side says what it has and sends the rest again.
          const received = ends.map(({ channel }) => channel.received);
          ends[0].wire = ends[0].channel.replayAfter(received[1] ?? 0);
          ends[1].wire = ends[1].channel.replayAfter(received[0] ?? 0);
        };
        const deliver = (from: End, to: End, count: number): void => {
          for (const frame of from.wire.splice(0, count)) to.receive(frame);
        };
        for (const { kind, side, count } of plan) {
          const [here, there] = side === 0 ? ends : [ends[1], ends[0]];
          if (kind === 'send') {
            for (let index = 0; index < count; index += 1) {
              here.send(next);
              sent[side === 0 ? 0 : 1].push(next++);
            }
          } else if (kind === 'deliver') deliver(here, there, count);
          else if (kind === 'ack') there.channel.acknowledged(here.channel.takeAck());
          else reconnect();
        }
        reconnect();
        deliver(ends[0], ends[1], Infinity);
        deliver(ends[1], ends[0], Infinity);
        assert.deepEqual(ends[1].got, sent[0]);
        assert.deepEqual(ends[0].got, sent[1]);
        for (const end of ends) {
          const other = end === ends[0] ? ends[1] : ends[0];
          end.channel.acknowledged(other.channel.takeAck());
          assert.equal(end.channel.pendingBytes, 0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('refuses gaps, acknowledgements of what was never sent, and peers that go back', () => {
    const channel = new ReliableChannel();
    assert.throws(() => channel.accept(2, 1), { code: 'protocol' });
    assert.throws(
      () => {
        channel.acknowledged(1);
      },
      { code: 'protocol' },
    );
    channel.text(1);
    channel.text(2);
    channel.acknowledged(2);
    assert.throws(() => channel.replayAfter(1), { code: 'protocol' });
    assert.throws(() => channel.replayAfter(3), { code: 'protocol' });
  });

  it('gives a session up rather than grow without end', () => {
    const channel = new ReliableChannel({ replayBytes: 1000 });
    channel.binary(1, Buffer.alloc(500));
    assert.throws(() => channel.binary(1, Buffer.alloc(500)), { code: 'session-lost' });
  });

  it('asks for an acknowledgement after many messages or many bytes', () => {
    const many = new ReliableChannel();
    for (let seq = 1; seq < 64; seq += 1) many.accept(seq, 1);
    assert.equal(many.ackDue, false);
    many.accept(64, 1);
    assert.ok(many.ackDue);
    assert.equal(many.takeAck(), 64);
    assert.equal(many.ackDue, false);
    many.accept(65, 256 * 1024);
    assert.ok(many.ackDue);
  });

  it('keeps its memory flat over a long life', () => {
    const channel = new ReliableChannel();
    for (let seq = 1; seq <= 10_000; seq += 1) {
      channel.text(seq);
      if (seq > 100) channel.acknowledged(seq - 100);
    }
    const again = channel.replayAfter(9950);
    assert.equal(again.length, 50);
    assert.match(String(again[0]), /^\{"seq":9951,/);
  });
});

describe('flow control', () => {
  it('never lets a sender that obeys exceed what the receiver granted', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 65_536 }), { maxLength: 200 }),
        fc.nat(5),
        (sizes, lag) => {
          const sending = new SendWindow();
          const receiving = new ReceiveWindow();
          const waiting: number[] = [];
          let sent = 0;
          for (const size of sizes) {
            while (!sending.allows(size)) {
              // The receiver uses what it has; the last few may lag, but never so that both wait.
              const used = waiting.shift();
              assert.ok(used !== undefined, 'sender and receiver wait for each other');
              sending.grant(receiving.consumed(used));
            }
            sending.take(size);
            receiving.arrived(size);
            waiting.push(size);
            sent += size;
            if (waiting.length > lag) sending.grant(receiving.consumed(waiting.shift() ?? 0));
            const unread = waiting.reduce((sum, bytes) => sum + bytes, 0);
            assert.ok(unread <= INITIAL_WINDOW_BYTES + 65_536);
          }
          assert.ok(sent >= 0);
        },
      ),
    );
  });

  it('catches a sender that ignores its credit', () => {
    const receiving = new ReceiveWindow();
    receiving.arrived(INITIAL_WINDOW_BYTES);
    assert.throws(
      () => {
        receiving.arrived(1);
      },
      { code: 'protocol' },
    );
  });
});
