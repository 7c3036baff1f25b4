import assert from 'node:assert/strict';
import { gpusText } from '../../src/cli/commands/machine';
import { L4_CARD as card } from '../support/cards';

describe('velar gpus', () => {
  it('shows each card with its processes and who measured', () => {
    const live = {
      at: 1,
      source: 'nvml' as const,
      gpuPercent: 87,
      memoryPercent: 41,
      temperatureC: 61,
      powerWatts: 70.6,
      powerLimitWatts: 72,
      problem: null,
      processes: [
        { pid: 10, name: 'python', usedBytes: 4e9, container: 'c-1', app: 'shop' },
        { pid: 20, name: 'ollama', usedBytes: 1e9, container: null, app: null },
        { pid: 30, name: null, usedBytes: null, container: null, app: null },
      ],
    };
    const text = gpusText({
      gpus: [{ ...card, live }],
      note: null,
      source: 'Measured by NVML.',
    });
    assert.deepEqual(text.split('\n'), [
      'INDEX  NAME       ASK FOR  MEMORY   USED     BUSY  TEMP   POWER',
      '0      NVIDIA L4  L4       24.0 GB  5.00 GB  87 %  61 °C  71 W of 72 W',
      'Card 0: python (pid 10), app shop: 4.00 GB',
      'Card 0: ollama (pid 20): 1.00 GB',
      'Card 0: hidden process (pid 30): unknown',
      'Measured by NVML.',
    ]);
  });

  it('says unknown of what a card does not tell, and what is wrong with it', () => {
    const unsampled = gpusText({ gpus: [{ ...card, memoryUsedBytes: null }], note: null });
    assert.match(unsampled, /24\.0 GB {2}unknown {2}unknown {2}unknown {2}unknown$/);
    const live = {
      at: 1,
      source: 'nvml' as const,
      gpuPercent: null,
      memoryPercent: null,
      temperatureC: null,
      powerWatts: null,
      powerLimitWatts: null,
      problem: 'GPU is lost (NVML error 15)',
      processes: null,
    };
    const lost = gpusText({ gpus: [{ ...card, live }], note: null });
    assert.match(lost, /\nCard 0: GPU is lost \(NVML error 15\)$/);
  });
});
