import assert from 'node:assert/strict';
import { cardsText, cardText, peakTexts, readingTexts } from '../../runtime/protocol/cardFigures';
import type { GpuProcess } from '../../runtime/protocol/gpus';
import type { BatchEvent } from '../../runtime/protocol/events';
import { newRunRecord } from '../../runtime/protocol/runRecord';
import { L4_CARD as card } from '../support/cards';

const untold = {
  gpuPercent: null,
  memoryPercent: null,
  temperatureC: null,
  powerWatts: null,
  powerLimitWatts: null,
};

describe('figures of a card', () => {
  it('are those that it tells, and no others', () => {
    assert.deepEqual(readingTexts(untold), []);
    assert.deepEqual(readingTexts({ ...untold, powerWatts: 70.6 }), ['71 W']);
    assert.deepEqual(readingTexts({ ...untold, powerLimitWatts: 72 }), []);
    assert.equal(cardText({ ...card, memoryUsedBytes: null }), 'NVIDIA L4: unknown of 24.0 GB');
  });

  it('name what is wrong with it, and the largest processes first', () => {
    const processes = Array.from({ length: 7 }, (_, index): GpuProcess => ({
      pid: index,
      name: `p${index}`,
      usedBytes: index === 6 ? null : index * 1e9,
      container: null,
      app: index === 5 ? 'shop' : null,
    }));
    const live = {
      ...untold,
      gpuPercent: 87,
      temperatureC: 61,
      at: 0,
      source: 'nvml' as const,
      processes,
      problem: 'GPU is lost (NVML error 15)',
    };
    assert.deepEqual(cardsText([{ ...card, live }], 'Measured by NVML.').split('\n'), [
      'NVIDIA L4: 5.00 GB of 24.0 GB · 87 % busy · 61 °C · GPU is lost (NVML error 15)',
      '    p5 (pid 5), app shop: 5.00 GB',
      '    p4 (pid 4): 4.00 GB',
      '    p3 (pid 3): 3.00 GB',
      '    p2 (pid 2): 2.00 GB',
      '    p1 (pid 1): 1.00 GB',
      'Measured by NVML.',
    ]);
  });
});

describe('the peak of a device', () => {
  const batch: BatchEvent = {
    type: 'batch',
    at: 1,
    done: 12,
    failed: 0,
    cancelled: 0,
    total: 12,
    complete: true,
    perSecond: null,
    leftMs: null,
    cost: { seconds: 1, gpu: null, usd: 0 },
  };
  const texts = (peaks: BatchEvent['peaks']): string[] => {
    const record = newRunRecord('run-1', 'app.py', 'f', 0);
    return peakTexts({ ...record, batch: { ...batch, peaks } }, 'host');
  };

  it('comes with the input that took the most, or says that this is unknown', () => {
    const peak = { device: 'host', bytes: 412e6, function: 'work', index: 7 };
    assert.deepEqual(texts([{ ...peak, device: 'cuda:0', index: 1 }, peak]), [
      '412 MB for one input, work #7',
    ]);
    assert.deepEqual(texts(null), ['unknown for one input: several ran at once']);
  });

  it('says nothing of inputs where a runtime tells nothing, or none was measured', () => {
    assert.deepEqual(texts(undefined), []);
    assert.deepEqual(texts([]), []);
    assert.deepEqual(peakTexts(newRunRecord('run-1', 'app.py', 'f', 0), 'host'), []);
  });
});
