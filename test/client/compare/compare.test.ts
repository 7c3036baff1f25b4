import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { addUp, callOrder, type CallSample } from '../../../src/client/compare/comparison';
import { diffJson } from '../../../src/client/compare/jsonDiff';
import { quantile } from '../../../src/client/compare/quantiles';
import { diffOutcomes, outcomeOf } from '../../../src/client/compare/resultDiff';
import { diffText } from '../../../src/client/compare/textDiff';
import { newRunRecord } from '../../../runtime/protocol/runRecord';

const sample = (environment: CallSample['environment'], change: Partial<CallSample> = {}) => ({
  environment,
  input: 0,
  succeeded: true,
  ms: 10,
  cold: false,
  peak: { device: 'host', bytes: 1000 },
  usd: 0.5,
  costNote: 'L4',
  outcome: { kind: 'json' as const, value: { a: 1 } },
  ...change,
});

const versions = { staging: 2, production: 1 };

describe('quantiles', () => {
  it('are values that were measured, by the nearest rank', () => {
    const values = Array.from({ length: 20 }, (_, index) => 20 - index);
    assert.equal(quantile(values, 0.5), 10);
    assert.equal(quantile(values, 0.95), 19);
    assert.equal(quantile([7, 3], 0.5), 3);
    assert.equal(quantile([7, 3, 5], 0.5), 5);
    assert.equal(quantile([7], 0.95), 7);
    assert.equal(quantile([], 0.5), null);
  });
});

describe('the difference of two JSON values', () => {
  const paths = (a: unknown, b: unknown, tolerance = 1e-6): string[] =>
    diffJson(a, b, tolerance).entries.map(({ kind, path }) => `${kind} ${path}`);

  it('is told place by place', () => {
    const staging = { same: [1, { x: 'y' }], total: 36, 'odd key': 1, gone: null };
    const production = { same: [1, { x: 'y' }], total: 30, 'odd key': 2, added: true };
    assert.deepEqual(diffJson(staging, production, 0).entries, [
      { path: 'total', kind: 'changed', staging: '36', production: '30' },
      { path: '["odd key"]', kind: 'changed', staging: '1', production: '2' },
      { path: 'gone', kind: 'only-staging', staging: 'null', production: null },
      { path: 'added', kind: 'only-production', staging: null, production: 'true' },
    ]);
  });

  it('leaves numbers equal that are near to each other, and says how near', () => {
    assert.deepEqual(paths({ a: 1, b: 0 }, { a: 1 + 1e-9, b: 1e-15 }), []);
    const { largest } = diffJson([1_000_000], [1_000_000.5], 1e-6);
    assert.ok(largest > 4.9e-7 && largest < 5.1e-7);
    assert.deepEqual(paths([1], [1 + 1e-5]), ['changed [0]']);
    assert.deepEqual(paths([1], [1 + 1e-9], 0), ['changed [0]']);
    assert.deepEqual(paths([0], [1e-15], 0), ['changed [0]']);
    assert.deepEqual(paths([1], ['1']), ['changed [0]']);
    assert.deepEqual(paths({ a: [] }, { a: {} }), ['changed a']);
  });

  it('takes one item more in a list for one difference', () => {
    assert.deepEqual(paths([1, 2, 3, 4], [1, 3, 4]), ['only-staging [1]']);
    assert.deepEqual(paths(['a', 'c'], ['a', 'b', 'c']), ['only-production [1]']);
  });

  it('counts what it does not show', () => {
    const many = Array.from({ length: 500 }, (_, index) => index + 1);
    const found = diffJson(
      many,
      many.map((value) => -value),
      1e-6,
    );
    assert.equal(found.total, 500);
    assert.equal(found.entries.length, 200);
  });

  it('is nothing for a value and itself, and the same from either side', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        assert.equal(diffJson(a, structuredClone(a), 0).total, 0);
        const [there, back] = [diffJson(a, b, 1e-6).total, diffJson(b, a, 1e-6).total];
        assert.equal(there === 0, back === 0);
      }),
    );
  });
});

describe('the difference of two texts', () => {
  it('shows lines of one side with what stands around them', () => {
    const long = ['1', '2', '3', '4', '5', 'old', '6', '7', '8', '9'];
    const { lines, total } = diffText(long.join('\n'), long.join('\n').replace('old', 'new'));
    assert.equal(total, 2);
    assert.deepEqual(
      lines.map(({ side, text }) => `${side} ${text}`),
      ['both 4', 'both 5', 'staging old', 'production new', 'both 6', 'both 7'],
    );
    assert.deepEqual(diffText('same', 'same'), { lines: [], total: 0 });
  });
});

describe('what two calls gave', () => {
  const record = newRunRecord('run-1', 'a.py', 'f', 0);

  it('is compared by what it is', () => {
    const text = outcomeOf({ ...record, result: { value: 'a\nb' } });
    assert.equal(
      diffOutcomes(text, outcomeOf({ ...record, result: { value: 'a\nc' } }), 0).kind,
      'text',
    );
    const table = { mime: { 'application/json': { a: 1 }, 'text/plain': 'x' } };
    assert.deepEqual(outcomeOf({ ...record, result: table }), { kind: 'json', value: { a: 1 } });
    const picture = (data: string) =>
      outcomeOf({ ...record, result: { mime: { 'text/plain': 'Figure', 'image/png': data } } });
    assert.equal(diffOutcomes(picture('QQ'), picture('QQ'), 0).kind, 'equal');
    assert.equal(diffOutcomes(picture('QQ'), picture('Qg'), 0).kind, 'other');
    const items = outcomeOf({ ...record, yields: [{ value: 1 }, { value: 2 }] });
    assert.deepEqual(items, { kind: 'json', value: [1, 2] });
  });

  it('is a difference where one side failed', () => {
    const error = { kind: 'user' as const, type: 'KeyError', message: 'k', traceback: [] };
    const failed = outcomeOf({ ...record, error });
    assert.deepEqual(diffOutcomes(failed, { kind: 'text', text: 'x' }, 0), {
      kind: 'other',
      text: 'Staging failed with KeyError: k. Production returned a result.',
    });
    assert.equal(diffOutcomes(failed, failed, 0).kind, 'equal');
  });
});

describe('calls of two environments, added up', () => {
  it('take turns in being first', () => {
    const first = callOrder(4).filter((_, index) => index % 2 === 0);
    assert.deepEqual(first, ['staging', 'production', 'staging', 'production']);
    assert.equal(callOrder(5).filter((each) => each === 'staging').length, 5);
  });

  it('leave cold calls out of the quantiles, unless there are no others', () => {
    const samples = [
      sample('staging', { ms: 1000, cold: true }),
      sample('staging', { ms: 20 }),
      sample('staging', { ms: 10, cold: null }),
      sample('production', { ms: 900, cold: true }),
    ];
    const { staging, production } = addUp(samples, versions, 1e-6);
    assert.deepEqual(
      [staging.p50Ms, staging.p95Ms, staging.timed, staging.coldMs, staging.coldOnly],
      [10, 20, 2, [1000], false],
    );
    assert.deepEqual([production.p50Ms, production.coldOnly], [900, true]);
  });

  it('leave what is not known unknown', () => {
    const samples = [
      sample('staging', { usd: null, peak: null }),
      sample('staging', { usd: 1, peak: null }),
      sample('production', { succeeded: false, ms: 5, usd: 3 }),
    ];
    const { staging, production } = addUp(samples, versions, 1e-6);
    assert.deepEqual([staging.usdPerCall, staging.memory], [null, null]);
    assert.deepEqual([production.p50Ms, production.usdPerCall, production.failed], [null, null, 1]);
  });

  it('say in how many pairs results differ, show the first, and whether a side varies by itself', () => {
    const other = { outcome: { kind: 'json' as const, value: { a: 2 } } };
    const samples = [
      sample('staging'),
      sample('production'),
      sample('production', other),
      sample('staging'),
      sample('staging'),
    ];
    const { pairs, differing, difference, staging, production } = addUp(samples, versions, 1e-6);
    assert.deepEqual([pairs, differing, difference?.kind], [2, 1, 'json']);
    assert.deepEqual([staging.steady, production.steady], [true, false]);
    assert.equal(staging.usdPerCall, 0.5);
  });

  it('tell inputs apart: which differs, and that other inputs give other results', () => {
    const gives = (input: number, a: number) => ({
      input,
      outcome: { kind: 'json' as const, value: { a } },
    });
    const samples = [
      sample('staging', gives(0, 1)),
      sample('production', gives(0, 1)),
      sample('production', gives(1, 7)),
      sample('staging', gives(1, 8)),
      sample('staging', gives(0, 1)),
      sample('production', gives(0, 1)),
    ];
    const { byInput, differsFirst, staging } = addUp(samples, versions, 0);
    assert.deepEqual(byInput, [
      { pairs: 2, differing: 0 },
      { pairs: 1, differing: 1 },
    ]);
    assert.deepEqual([differsFirst, staging.steady], [1, true]);
  });
});
