import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { detectGpus } from '../../../runtime/gpu/detect';
import { cardServes, gpuLabel, modelOf } from '../../../runtime/gpu/names';
import { GpuSampler } from '../../../runtime/gpu/sampler';
import { parseGpus } from '../../../runtime/gpu/smi';
import type { Gpu } from '../../../runtime/protocol/methods';

/**
 * Written by hand after NVIDIA's documentation of `nvidia-smi --query-gpu … --format=csv,noheader,nounits`,
 * not recorded on hardware.
 */
const DOCUMENTED_CSV = [
  '0, GPU-6ec7a1d8-0000-1111-2222-333344445555, NVIDIA L4, 23034, 512',
  '1, GPU-7fd8b2e9-0000-1111-2222-333344445555, NVIDIA H100 80GB HBM3, 81559, [N/A]',
  'Unable to determine the device handle for GPU 0000:65:00.0: Unknown Error',
  '',
].join('\n');

describe('GPU names', () => {
  const cards: [string, string | null][] = [
    ['NVIDIA L4', 'L4'],
    ['NVIDIA L40S', 'L40S'],
    ['NVIDIA L40', 'L40'],
    ['NVIDIA A100-SXM4-80GB', 'A100'],
    ['NVIDIA A100 80GB PCIe', 'A100'],
    ['NVIDIA H100 PCIe', 'H100'],
    ['NVIDIA H100 80GB HBM3', 'H100-SXM'],
    ['NVIDIA H200', 'H200'],
    ['NVIDIA GeForce RTX 4090', 'RTX4090'],
    ['NVIDIA A10G', 'A10'],
    ['Tesla T4', 'T4'],
    ['NVIDIA GeForce GTX 1080', null],
  ];
  for (const [card, model] of cards) {
    it(`knows ${card} as ${model ?? 'no model of its own'}`, () => {
      assert.equal(modelOf(card), model);
    });
  }

  it('match a request to the cards that serve it, and to no others', () => {
    assert.ok(cardServes('NVIDIA L4', 'l4'));
    assert.ok(cardServes('NVIDIA H100 80GB HBM3', 'H100'));
    assert.ok(cardServes('NVIDIA H100 80GB HBM3', 'H100-SXM'));
    assert.ok(!cardServes('NVIDIA H100 PCIe', 'H100-SXM'));
    assert.ok(!cardServes('NVIDIA L40S', 'L4'));
    assert.ok(cardServes('NVIDIA GeForce GTX 1080', 'GeForce GTX 1080'));
    assert.ok(cardServes('NVIDIA L4', 'any'));
  });

  it('carry their count', () => {
    assert.equal(gpuLabel('A100', 2), 'A100:2');
    assert.equal(gpuLabel('L4', 1), 'L4');
  });
});

describe("nvidia-smi's answer", () => {
  it('gives cards with their memory, unknown where it is not told, and nothing for complaints', () => {
    const gpus = parseGpus(DOCUMENTED_CSV);
    assert.deepEqual(
      gpus.map(({ index, model, memoryTotalBytes, memoryUsedBytes }) => [
        index,
        model,
        memoryTotalBytes / 1024 / 1024,
        memoryUsedBytes === null ? null : memoryUsedBytes / 1024 / 1024,
      ]),
      [
        [0, 'L4', 23034, 512],
        [1, 'H100-SXM', 81559, null],
      ],
    );
  });

  it('that is missing is said in words', async () => {
    const { gpus, note } = await detectGpus({ PATH: '/nonexistent' });
    assert.deepEqual(gpus, []);
    assert.equal(note, 'No NVIDIA GPU found on this runtime: nvidia-smi is not on PATH.');
  });

  describe('from a script in its place (no hardware)', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'velar-smi-'));
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    async function fake(script: string): Promise<string> {
      const path = join(folder, 'nvidia-smi');
      await writeFile(path, `#!/bin/sh\n${script}\n`);
      await chmod(path, 0o755);
      return path;
    }

    it('that fails is quoted', async () => {
      await fake(
        'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."; exit 9',
      );
      const { note } = await detectGpus({ PATH: `${folder}:/bin:/usr/bin` });
      assert.match(note ?? '', /couldn't communicate with the NVIDIA driver\.$/);
    });

    it('is sampled by one process, which ends with the last container that needs it', async () => {
      const pidFile = join(folder, 'pids');
      const smi = await fake(
        `echo $$ >> ${pidFile}\nwhile :; do echo "0, GPU-1, NVIDIA L4, 23034, 512"; sleep 0.05; done`,
      );
      const samples: Gpu[] = [];
      let sampled = (): void => undefined;
      const sampler = new GpuSampler(
        smi,
        { PATH: '/bin:/usr/bin' },
        (gpu) => {
          samples.push(gpu);
          sampled();
        },
        (error) => assert.fail(String(error)),
      );
      const first = sampler.use();
      const second = sampler.use();
      await new Promise<void>((resolve) => {
        sampled = resolve;
      });
      assert.equal(samples[0]?.memoryUsedBytes, 512 * 1024 * 1024);
      first();
      second();
      await sampler.stop();
    });
  });
});
