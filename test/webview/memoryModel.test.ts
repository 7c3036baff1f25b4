import assert from 'node:assert/strict';
import {
  chartData,
  deviceMemory,
  memoryNote,
  memoryText,
  wholeMemoryText,
} from '../../webview/memoryModel';
import { cpuRun, failedRun, gpuRun, liveRun, START } from './support/runs';

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

  it('says what else a card tells, and the peak of each phase once the run is over', () => {
    const [card] = deviceMemory(gpuRun());
    assert.ok(card);
    assert.match(card.detail, /^2\.\d\d GB while running, 2\.\d\d GB in model-load, /);
    const [live] = deviceMemory(liveRun(START));
    assert.ok(live);
    assert.equal(live.detail, 'others 3.00 GB · 87 % busy · 61 °C · 71 W of 72 W');
    assert.match(
      wholeMemoryText(live),
      /^GPU memory .* · peak .*, others 3\.00 GB · .* W, measured by NVML$/,
    );
  });

  it('leaves out what a card does not tell, and says whose memory it is when that is not known', () => {
    const run = gpuRun();
    const last = run.memory.at(-1);
    assert.ok(last?.card);
    const silent = {
      scope: 'card' as const,
      usedBytes: 5_000_000_000,
      othersBytes: null,
      gpuPercent: null,
      memoryPercent: null,
      temperatureC: null,
      powerWatts: null,
      powerLimitWatts: null,
    };
    const [card] = deviceMemory({
      ...run,
      status: 'active',
      memory: [{ ...last, usedBytes: 5_000_000_000, card: silent }],
    });
    assert.ok(card);
    assert.equal(memoryText(card), 'Whole GPU 5.00 GB of 24.2 GB · peak 5.00 GB');
    assert.equal(card.detail, '');
  });

  it("keeps torch's own count apart from the card's", () => {
    const run = gpuRun();
    const last = run.memory.at(-1);
    assert.ok(last);
    const { card: _card, ...plain } = last;
    const torch = {
      ...plain,
      device: 'cuda:0',
      source: 'torch' as const,
      usedBytes: 1_000_000_000,
    };
    const both = { ...run, memory: [...run.memory, torch] };
    assert.deepEqual(
      deviceMemory(both).map(({ title }) => title),
      ['GPU memory', 'PyTorch cuda:0'],
    );
    const alone = { ...run, memory: [torch] };
    assert.deepEqual(
      deviceMemory(alone).map(({ title }) => title),
      ['GPU memory'],
    );
  });

  it('draws the run’s share, the others’ on top of it, and the card’s size', () => {
    const { series, columns, maxBytes } = chartData(gpuRun(), ['L4 0'], START);
    assert.deepEqual(
      series.map(({ kind }) => kind),
      ['used', 'all', 'total'],
    );
    const at = (column: number): number => columns[column]?.at(-1) ?? 0;
    assert.equal(at(2) - at(1), 3_000_000_000);
    assert.equal(at(3), 24_152_899_584);
    assert.equal(maxBytes, 24_152_899_584);
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
