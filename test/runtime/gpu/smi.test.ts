import assert from 'node:assert/strict';
import { gpusOf } from '../../../runtime/gpu/samples';
import { parseAppLine, parseCards, parseGpuLine, ProcessLines } from '../../../runtime/gpu/smi';
import { recordedCards, recordedProcesses } from './recorded';

const MIB = 1024 * 1024;

/** name, total, used (MiB), GPU %, memory %, °C, W, W limit. */
type Figures = [string, ...(number | null)[]];

function figures(file: string): Figures[] {
  return parseCards(recordedCards(file).join('\n')).map((card) => [
    card.name,
    ...[card.memoryTotalBytes, card.memoryUsedBytes].map((bytes) =>
      bytes === null ? null : bytes / MIB,
    ),
    card.gpuPercent,
    card.memoryPercent,
    card.temperatureC,
    card.powerWatts,
    card.powerLimitWatts,
  ]);
}

describe("nvidia-smi's lines about cards, recorded on", () => {
  const recorded: [string, string, Figures[]][] = [
    ['an H100', 'h100.csv', [['NVIDIA H100 80GB HBM3', 81559, 19818, 100, 11, 59, 631.95, 700]]],
    [
      'two A100',
      'a100.csv',
      [
        ['NVIDIA A100-SXM4-40GB', 40960, 4, 0, 0, 44, null, null],
        ['NVIDIA A100-SXM4-40GB', 40960, 4, 0, 0, 42, null, null],
        ['NVIDIA A100-SXM4-40GB', 40960, 38803, 3, 0, 42, null, null],
      ],
    ],
    [
      'an A100 that is cut up (MIG), which tells no utilisation',
      'a100-mig.csv',
      [['NVIDIA A100-SXM4-80GB', 81920, 50, null, null, 27, 67.03, 500]],
    ],
    ['a T4', 't4.csv', [['Tesla T4', 15360, 1032, 0, 0, 40, 26.78, 70]]],
    [
      'a GeForce under Windows',
      'rtx2080super-windows.csv',
      [['NVIDIA GeForce RTX 2080 SUPER', 8192, 1296, 7, 3, 45, 97.43, 250]],
    ],
    [
      'an old GeForce that supports little',
      'gtx770.csv',
      [['GeForce GTX 770', null, null, null, null, 52, null, null]],
    ],
    [
      'two L4',
      'l4.csv',
      [
        ['NVIDIA L4', 23034, null, null, null, null, null, null],
        ['NVIDIA L4', 23034, null, null, null, null, null, null],
      ],
    ],
  ];
  for (const [what, file, expected] of recorded) {
    it(`${what} are read as they were meant`, () => {
      assert.deepEqual(figures(file), expected);
    });
  }

  it('a card without a known size are left out of what can be used', () => {
    assert.deepEqual(gpusOf(parseCards(recordedCards('gtx770.csv').join('\n'))), []);
    const models = gpusOf(parseCards(recordedCards('l4.csv').join('\n'))).map(({ model }) => model);
    assert.deepEqual(models, ['L4', 'L4']);
  });
});

describe("nvidia-smi's lines", () => {
  it('with any of its words for a missing value give no value', () => {
    const words = [
      '[N/A]',
      'N/A',
      '[Not Supported]',
      '[Insufficient Permissions]',
      '[Unknown Error]',
      '[Requested functionality has been deprecated]',
    ];
    for (const word of words) {
      const line = `2026/07/14 08:12:53.353, 0, GPU-1, NVIDIA L4, 23034, ${Array(6).fill(word).join(', ')}`;
      const card = parseGpuLine(line)?.card;
      assert.ok(card, word);
      assert.deepEqual(
        [card.memoryUsedBytes, card.gpuPercent, card.temperatureC, card.powerWatts],
        [null, null, null, null],
      );
    }
  });

  it('that are complaints are no cards', () => {
    const complaints = [
      'Unable to determine the device handle for GPU0000:65:00.0: Unknown Error',
      "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that it runs.",
      'Failed to initialize NVML: Driver/library version mismatch',
      '',
    ];
    assert.deepEqual(parseCards(complaints.join('\n')), []);
    for (const line of complaints) assert.equal(parseAppLine(line), undefined);
  });

  it('about a name with a comma keep it whole', () => {
    const line = '2026/07/14 08:12:53.353, 3, GPU-1, Made up, by us, 1, 1, 1, 1, 1, 1, 1';
    assert.equal(parseGpuLine(line)?.card.name, 'Made up, by us');
  });

  describe('about processes', () => {
    const at = (line: string): number => parseGpuLine(line)?.at ?? Number.NaN;
    const h100 = recordedCards('h100.csv')[0] ?? '';
    const uuid = 'GPU-00000000-0000-0000-0000-000000000000';

    it('give each its memory, near the time at which the card was looked at', () => {
      const lines = new ProcessLines(1000);
      for (const line of recordedProcesses('h100-processes.csv')) {
        const app = parseAppLine(line);
        assert.ok(app);
        lines.add(app);
      }
      assert.deepEqual(lines.at(uuid, at(h100)), [
        { pid: 11327, usedBytes: 2566 * MIB },
        { pid: 11328, usedBytes: 1542 * MIB },
        { pid: 11345, usedBytes: 15690 * MIB },
      ]);
      assert.deepEqual(lines.at(uuid, at(h100) + 10_000), [], 'they are not said any more');
    });

    it("leave memory unknown where Windows' driver does not tell it", () => {
      const apps = recordedProcesses('rtx2080super-windows-processes.csv').map(parseAppLine);
      assert.deepEqual(
        apps.map((app) => [app?.pid, app?.usedBytes]),
        [
          [2056, null],
          [25704, null],
        ],
      );
    });

    it('that have not had time to be said are unknown, and after that none', () => {
      const lines = new ProcessLines(1000);
      assert.equal(lines.at(uuid, 0), null);
      assert.equal(lines.at(uuid, 500), null);
      assert.deepEqual(lines.at(uuid, 1500), []);
    });
  });
});
