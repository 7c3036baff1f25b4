import assert from 'node:assert/strict';
import {
  formatBytes,
  formatClock,
  formatElapsed,
  formatMs,
  formatUsd,
  plural,
} from '../../runtime/protocol/figures';

describe('figures as people read them', () => {
  it('shows durations with the precision that fits their size', () => {
    const cases: [number, string][] = [
      [0, '0 ms'],
      [0.4, '<1 ms'],
      [12.4, '12 ms'],
      [999.6, '1.00 s'],
      [3214, '3.21 s'],
      [9999, '10.0 s'],
      [45_240, '45.2 s'],
      [59_960, '1 m 00 s'],
      [125_000, '2 m 05 s'],
      [3_720_000, '1 h 02 m'],
    ];
    for (const [ms, text] of cases) assert.equal(formatMs(ms), text);
    assert.equal(formatElapsed(-5), '0.0 s');
    assert.equal(formatElapsed(61_000), '1 m 01 s');
  });

  it('shows bytes in decimal units with three digits', () => {
    const cases: [number, string][] = [
      [0, '0 B'],
      [812, '812 B'],
      [1500, '1.50 kB'],
      [142_000_000, '142 MB'],
      [999_700_000, '1.00 GB'],
      [24_152_899_584, '24.2 GB'],
    ];
    for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
  });

  it('never rounds a cost to nothing', () => {
    const cases: [number, string][] = [
      [0, '$0.00'],
      [0.0000001, '<$0.000001'],
      [0.00042, '$0.00042'],
      [0.0123, '$0.0123'],
      [4.2, '$4.20'],
    ];
    for (const [usd, text] of cases) assert.equal(formatUsd(usd), text);
  });

  it('gives a clock in whole seconds', () => {
    assert.deepEqual([0, 999, 1000, 59_999, 65_900].map(formatClock), [
      '0 s',
      '0 s',
      '1 s',
      '59 s',
      '1 m 05 s',
    ]);
  });

  it('counts in words', () => {
    assert.equal(plural(1, 'line'), '1 line');
    assert.equal(plural(1234, 'line'), '1,234 lines');
  });
});
