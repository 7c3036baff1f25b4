import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeBinaryFrame, encodeBinaryFrame } from '../../runtime/protocol/frames';
import {
  chunkLines,
  countLines,
  decodeLogChunk,
  encodeLogChunk,
  makeLogChunk,
} from '../../runtime/protocol/logChunks';
import {
  encodeWorkerMessage,
  MAX_WORKER_FRAME_BYTES,
  WorkerFrameReader,
  type WorkerFrame,
} from '../../runtime/protocol/workerFrames';

describe('binary frames', () => {
  it('come out as they went in, with numbers beyond 32 bits', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 0xffff_ffff }),
        fc.maxSafeNat(),
        fc.boolean(),
        fc.uint8Array({ maxLength: 300 }),
        (stream, seq, end, payload) => {
          const decoded = decodeBinaryFrame(encodeBinaryFrame({ stream, seq, end, payload }));
          assert.deepEqual(
            { ...decoded, payload: [...decoded.payload] },
            {
              stream,
              seq,
              end,
              payload: [...payload],
            },
          );
        },
      ),
    );
  });

  it('are refused when short or of another kind', () => {
    assert.throws(() => decodeBinaryFrame(Buffer.alloc(15, 1)), { code: 'protocol' });
    assert.throws(() => decodeBinaryFrame(Buffer.alloc(16)), { code: 'protocol' });
  });
});

describe('log chunks', () => {
  const output = fc
    .array(fc.constantFrom('a', 'Ω', ' ', '\n', '\r', '\0', 'long text'), { minLength: 1 })
    .map((parts) => parts.join(''));

  it('come out as they went in', () => {
    fc.assert(
      fc.property(
        output,
        fc.integer({ min: 1, max: 2 ** 40 }),
        fc.maxSafeNat(),
        (text, seq, at) => {
          const chunk = makeLogChunk('stderr', seq, at, Buffer.from(text));
          const decoded = decodeLogChunk(encodeLogChunk(chunk));
          assert.deepEqual({ ...decoded, bytes: text }, { ...chunk, bytes: text });
          assert.equal(Buffer.from(decoded.bytes).toString(), text);
        },
      ),
    );
  });

  it('count as many lines as they split into, and lose no character', () => {
    fc.assert(
      fc.property(output, (text) => {
        const chunk = makeLogChunk('stdout', 7, 1, Buffer.from(text));
        const lines = chunkLines(chunk);
        assert.equal(lines.length, chunk.lines);
        assert.equal(countLines(Buffer.from(text)), chunk.lines);
        assert.deepEqual(
          lines.map(({ seq }) => seq),
          lines.map((_, index) => 7 + index),
        );
        const joined = lines.map((line) => line.text + (line.partial ? '' : '\n')).join('');
        assert.equal(joined, text);
      }),
    );
  });

  it('show bytes that are no UTF-8 instead of failing', () => {
    const chunk = makeLogChunk('stdout', 1, 1, Buffer.from([0x61, 0xff, 0x0a]));
    assert.equal(chunkLines(chunk)[0]?.text, 'a\ufffd');
    assert.throws(() => decodeLogChunk(Buffer.alloc(10)), { code: 'protocol' });
  });
});

/** A frame of output, as the worker writes it. */
function logFrame(fd: number, call: number, bytes: Uint8Array): Buffer {
  const frame = Buffer.alloc(10 + bytes.byteLength);
  frame.writeUInt32BE(6 + bytes.byteLength, 0);
  frame[4] = 2;
  frame[5] = fd;
  frame.writeUInt32BE(call, 6);
  frame.set(bytes, 10);
  return frame;
}

function plain(frame: WorkerFrame): unknown {
  return frame.kind === 'message'
    ? { header: frame.header, body: [...frame.body] }
    : { fd: frame.fd, call: frame.call, bytes: [...frame.bytes] };
}

describe('worker frames', () => {
  const messages = fc.record({
    header: fc.record({ type: fc.string(), call: fc.nat() }),
    body: fc.uint8Array({ maxLength: 200 }),
  });
  const logs = fc.record({
    fd: fc.constantFrom(1, 2),
    call: fc.nat(),
    bytes: fc.uint8Array({ maxLength: 200 }),
  });

  it('are cut right however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(messages, logs), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1, maxLength: 30 }),
        (frames, cuts) => {
          const stream = Buffer.concat(
            frames.map((frame) =>
              'header' in frame
                ? encodeWorkerMessage(frame.header, frame.body)
                : logFrame(frame.fd, frame.call, frame.bytes),
            ),
          );
          const reader = new WorkerFrameReader();
          const read: unknown[] = [];
          for (let offset = 0, turn = 0; offset < stream.byteLength; turn += 1) {
            const size = cuts[turn % cuts.length] ?? 1;
            for (const frame of reader.push(stream.subarray(offset, offset + size))) {
              read.push(plain(frame));
            }
            offset += size;
          }
          const expected = frames.map((frame) =>
            'header' in frame
              ? { header: { ...frame.header }, body: [...frame.body] }
              : { fd: frame.fd, call: frame.call, bytes: [...frame.bytes] },
          );
          assert.deepEqual(read, expected);
        },
      ),
    );
  });

  it('are refused when malformed or too large', () => {
    const bad = [
      Buffer.from([0, 0, 0, 1, 9]),
      Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 9]),
      Buffer.from([0, 0, 0, 6, 1, 0, 0, 0, 1, 0x7b]),
      Buffer.from([0, 0, 0, 2, 2, 1]),
      Buffer.from([0, 0, 0, 0]),
      Buffer.from([0xff, 0xff, 0xff, 0xff]),
    ];
    for (const frame of bad) {
      assert.throws(() => [...new WorkerFrameReader().push(frame)], { code: 'protocol' });
    }
    assert.throws(() => encodeWorkerMessage({}, Buffer.alloc(MAX_WORKER_FRAME_BYTES)), {
      code: 'too-large',
    });
  });
});
