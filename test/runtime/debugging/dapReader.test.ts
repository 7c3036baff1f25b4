import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DapReader } from '../../../runtime/debugging/dapReader';

function framed(message: object): Buffer {
  const body = JSON.stringify(message);
  return Buffer.from(`Content-Length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`);
}

describe('reading debug traffic as it passes', () => {
  it('finds each message however the bytes are cut', () => {
    const messages = [{ seq: 1, text: 'ü\r\n\r\n' }, { seq: 2 }, { seq: 3, more: 'x'.repeat(99) }];
    const bytes = Buffer.concat(messages.map(framed));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sizes) => {
        const reader = new DapReader();
        const found: unknown[] = [];
        for (let at = 0, turn = 0; at < bytes.byteLength; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          found.push(...reader.push(bytes.subarray(at, at + size)));
          at += size;
        }
        assert.deepEqual(found, messages);
      }),
    );
  });

  it('passes over large messages, and goes on behind them', () => {
    const reader = new DapReader();
    const large = framed({ text: 'x'.repeat(200_000) });
    assert.deepEqual(reader.push(large.subarray(0, 100_000)), []);
    const rest = Buffer.concat([large.subarray(100_000), framed({ seq: 2 })]);
    assert.deepEqual(reader.push(rest), [{ seq: 2 }]);
  });

  it('reads nothing more after bytes that are no messages', () => {
    const reader = new DapReader();
    assert.deepEqual(reader.push(Buffer.from('nonsense\r\n\r\n')), []);
    assert.deepEqual(reader.push(framed({ seq: 1 })), []);
  });
});
