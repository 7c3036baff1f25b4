import assert from 'node:assert/strict';
import { chartData, deviceMemory, memoryNote, memoryText } from '../../webview/memoryModel';
import { cpuRun, failedRun, gpuRun, START } from './support/runs';

describe('memory of a run', () => {
  it('names the device, the newest figure, the peak and who measured it', () => {
    const [host] = deviceMemory(cpuRun('f', { value: 1 }));
    assert.ok(host);
    assert.equal(memoryText(host), 'Host memory 148 MB · peak 180 MB');
    assert.equal(host.source, 'resident set');
    const [card] = deviceMemory(gpuRun());
    assert.ok(card);
    assert.match(memoryText(card), /^GPU memory 2\.\d\d GB of 24\.2 GB · peak /);
    assert.equal(card.source, 'NVML');
  });

  it('says what is unknown instead of showing a zero', () => {
    assert.equal(memoryNote(failedRun(), null), 'Memory unknown: no sample taken');
    const note = 'No GPU on this runtime; host memory shown';
    assert.equal(memoryNote(cpuRun('f', { value: 1 }), note), note);
    const host = { ...cpuRun('f', { value: 1 }), device: 'gpu' as const };
    assert.equal(memoryNote(host, null), 'GPU memory unknown');
    assert.equal(memoryNote(gpuRun(), null), null);
  });

  it('puts each device’s samples in its own column, on the axis of the phases', () => {
    const run = cpuRun('f', { value: 1 });
    const both = {
      ...run,
      memory: [
        ...run.memory,
        {
          type: 'memory' as const,
          at: START + 1200,
          device: 'cuda:0',
          usedBytes: 5,
          totalBytes: null,
          source: 'nvml' as const,
        },
      ],
    };
    const { columns, maxBytes } = chartData(both, ['cuda:0', 'host'], START);
    assert.equal(columns[0][0], 0.01);
    assert.deepEqual(columns[1], [null, null, null, null, null, 5]);
    assert.equal(columns[2]?.at(-1), null);
    assert.equal(maxBytes, 147_500_000);
  });
});
