import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { encodeMessage, MessageReader } from '../../src/editor/debug/framing';

const messages = fc.array(
  fc.record({
    seq: fc.nat(),
    type: fc.constant('event' as const),
    event: fc.string(),
    body: fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })),
  }),
  { maxLength: 6 },
);

describe('messages of the debugger', () => {
  it('come out as they went in, whatever pieces their bytes come in', () => {
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 40 })), (sent, sizes) => {
        const bytes = Buffer.concat(sent.map(encodeMessage));
        const reader = new MessageReader();
        const received: unknown[] = [];
        let offset = 0;
        for (let step = 0; offset < bytes.byteLength; step += 1) {
          const size = sizes[step % Math.max(1, sizes.length)] ?? bytes.byteLength;
          received.push(...reader.push(bytes.subarray(offset, offset + size)));
          offset += size;
        }
        assert.deepEqual(received, JSON.parse(JSON.stringify(sent)));
      }),
    );
  });

  it('may have other headers, in any case', () => {
    const body = '{"seq":1,"type":"event","event":"x"}';
    const text = `Content-Type: utf-8\r\ncontent-length:${String(body.length)}\r\n\r\n${body}`;
    assert.equal(new MessageReader().push(Buffer.from(text)).length, 1);
  });

  for (const [what, text] of [
    ['no length', 'Content-Type: x\r\n\r\n{}'],
    ['a length that is absurd', 'Content-Length: 99999999999\r\n\r\n'],
    ['a header without an end', 'x'.repeat(5000)],
    ['what is no JSON', 'Content-Length: 2\r\n\r\n{]'],
    ['what is no message', 'Content-Length: 2\r\n\r\n{}'],
  ] as const) {
    it(`are refused with ${what}`, () => {
      assert.throws(() => new MessageReader().push(Buffer.from(text)), { code: 'protocol' });
    });
  }
});
