import assert from 'node:assert/strict';
import { StartFailures } from '../../../runtime/scheduling/startFailures';

const error = { kind: 'infrastructure' as const, message: 'It died.', traceback: [] };

describe('starts that fail', () => {
  let now = 0;
  let failures: StartFailures;
  beforeEach(() => {
    now = 1000;
    failures = new StartFailures({ monotonic: () => now });
  });
  const fail = (elsewhere = false): { count: number; over: boolean } => {
    const beganAt = now;
    now += 100;
    return failures.crashed('g', beganAt, elsewhere, error);
  };

  it('are tried again after ever longer times, three times in all', () => {
    assert.deepEqual(fail(), { count: 1, over: false });
    assert.equal(failures.waitMs('g'), 200);
    now += 200;
    assert.equal(failures.waitMs('g'), 0);
    assert.deepEqual(fail(), { count: 2, over: false });
    assert.equal(failures.waitMs('g'), 400);
    now += 400;
    assert.deepEqual(fail(), { count: 3, over: true });
    assert.equal(failures.waitMs('g'), Infinity);
    assert.equal(failures.waitMs('another'), 0);
  });

  it('are tried anew when somebody asks after that, and not sooner', () => {
    fail();
    failures.asked('g');
    assert.equal(failures.waitMs('g'), 200);
    fail();
    fail();
    failures.asked('g');
    assert.equal(failures.waitMs('g'), 0);
    assert.deepEqual(fail(), { count: 1, over: false });
  });

  it('count once where they fail side by side', () => {
    now += 100;
    assert.deepEqual(failures.crashed('g', 1000, false, error), { count: 1, over: false });
    for (let other = 0; other < 5; other += 1) {
      now += 1;
      assert.deepEqual(failures.crashed('g', 1010, false, error), { count: 1, over: false });
    }
  });

  it('go on being tried, ever more rarely, while others do the work', () => {
    for (let count = 1; count <= 20; count += 1) assert.equal(fail(true).over, false);
    assert.equal(failures.waitMs('g'), 30_000);
    failures.worked('g');
    assert.deepEqual(fail(), { count: 1, over: false });
  });
});
