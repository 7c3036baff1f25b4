import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { callHeader, resultHeader } from '../../runtime/protocol/hotHeaders';
import { callerMessageSchema, workerMessageSchema } from '../../runtime/protocol/workerMessages';

const RESULT = { type: 'result', call: 1, attempt: 1, ms: 1.5, modelLoadMs: 0, format: 'pickle' };
const INPUTS = { type: 'inputs', invocation: 1, first: 0, sizes: [8], last: true };
const INVOKE = {
  type: 'invoke',
  invocation: 1,
  app: 'a',
  function: 'f',
  mode: 'call',
  ordered: true,
  returnExceptions: false,
  instance: false,
};

/** A value that a field may or may not have by right. */
const anything = fc.oneof(
  fc.constantFrom(undefined, null, -1, 0, 1, 1.5, NaN, Infinity, 2 ** 60, '', 'call', 'mime', true),
  fc.constantFrom([], [1], [-1], ['1'], [1.5], {}, { app: 'b', environment: null }),
);

describe('headers that are checked by hand', () => {
  for (const valid of [RESULT, { ...RESULT, logged: 7 }, INPUTS, INVOKE]) {
    it(`take what the schema takes and nothing else: ${JSON.stringify(valid)}`, () => {
      const check = (header: object): void => {
        const byHand = resultHeader(header) ?? callHeader(header);
        if (byHand === undefined) return;
        const schema = 'call' in valid ? workerMessageSchema : callerMessageSchema;
        assert.deepEqual(byHand, schema.parse(header));
      };
      assert.deepEqual(resultHeader(valid) ?? callHeader(valid), valid);
      fc.assert(
        fc.property(
          fc.constantFrom(...Object.keys(valid), 'logged', 'deployed'),
          anything,
          (key, value) => {
            check(JSON.parse(JSON.stringify({ ...valid, [key]: value })) as object);
          },
        ),
        { numRuns: 500 },
      );
    });
  }

  it('are headers', () => {
    for (const header of [null, 1, 'result', [], {}]) {
      assert.equal(resultHeader(header), undefined);
      assert.equal(callHeader(header), undefined);
    }
  });
});
