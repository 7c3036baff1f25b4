import assert from 'node:assert/strict';
import { slowness } from '../../runtime/protocol/slowness';

describe('a slow phase', () => {
  it('takes twice what it usually takes, and a second more at least', () => {
    const usual = { expectedMs: 2000 };
    assert.equal(slowness(usual, 3999), null);
    assert.equal(slowness(usual, 4000), 'slower than usual (usually 2.00 s)');
    assert.equal(slowness({ expectedMs: 20 }, 1019), null);
    assert.equal(slowness({ expectedMs: 20 }, 1020), 'slower than usual (usually 20 ms)');
  });

  it('is not known where no earlier run says what is usual', () => {
    assert.equal(slowness({ expectedMs: null }, 3_600_000), null);
  });
});
