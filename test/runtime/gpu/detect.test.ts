import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { detectGpus, type GpuInventory } from '../../../runtime/gpu/detect';
import { describeSampling, GpuSampler, type SourceOption } from '../../../runtime/gpu/sampler';
import { startNvml } from '../../../runtime/gpu/nvml';
import type { GpuSample } from '../../../runtime/gpu/samples';
import { startSmi } from '../../../runtime/gpu/smiSource';
import { rememberPython } from '../../../runtime/images/python';
import { VelarError } from '../../../runtime/protocol/errors';
import { skipBecause } from '../../support/skip';
import { NvmlStandIn, withoutStandIn } from './nvmlStandIn';
import { recordedCards, recordedProcesses } from './recorded';

const PYTHON_PACKAGES = join(process.cwd(), 'runtime', 'python');
const python = rememberPython({ environment: process.env });
const GIB = 1024 ** 3;

function detect(environment: Record<string, string | undefined>): Promise<GpuInventory> {
  return detectGpus({ environment, python, pythonPackages: PYTHON_PACKAGES });
}

/** Waits for samples that fit, as they come. */
class Samples {
  readonly all: GpuSample[] = [];
  private readonly checks = new Set<() => void>();

  readonly take = (sample: GpuSample): void => {
    this.all.push(sample);
    for (const check of [...this.checks]) check();
  };

  until(fits: (sample: GpuSample) => boolean): Promise<GpuSample> {
    return new Promise((resolve) => {
      const check = (): void => {
        const found = this.all.find(fits);
        if (found === undefined) return;
        this.checks.delete(check);
        resolve(found);
      };
      this.checks.add(check);
      check();
    });
  }
}

describe('GPU detection and sampling', function () {
  this.timeout(30_000);
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'velar-smi-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A script in nvidia-smi's place (no hardware). */
  async function fakeSmi(script: string): Promise<string> {
    const path = join(folder, 'nvidia-smi');
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  }

  /** Says what was recorded of the H100, over and over, and notes its processes. */
  function recordedSmi(): Promise<string> {
    const say = (lines: string[]): string => lines.map((line) => `echo '${line}'`).join('; ');
    return fakeSmi(`
      echo $$ >> ${folder}/pids
      while :; do
        case "$1" in
          --query-gpu*) ${say(recordedCards('h100.csv'))};;
          *) ${say(recordedProcesses('h100-processes.csv'))};;
        esac
        case "$3" in -lms) sleep 0.05;; *) exit 0;; esac
      done`);
  }

  it('say what is missing on a machine without a card', async () => {
    const { gpus, note } = await detect({ PATH: '/nonexistent' });
    assert.deepEqual(gpus, []);
    assert.match(
      note ?? '',
      /^No NVIDIA GPU found on this runtime: .+, and nvidia-smi is not on PATH\.$/,
    );
  });

  it('quote an nvidia-smi that fails', async () => {
    await fakeSmi(
      'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."; exit 9',
    );
    const { note } = await detect({ PATH: `${folder}:/bin:/usr/bin` });
    assert.match(note ?? '', /couldn't communicate with the NVIDIA driver\.$/);
  });

  it('go by nvidia-smi where NVML is not to be had, and say why', async () => {
    const smi = await recordedSmi();
    const environment = { PATH: `${folder}:/bin:/usr/bin` };
    const inventory = await detect(environment);
    assert.deepEqual(
      inventory.gpus.map(({ model, memoryUsedBytes }) => [
        model,
        (memoryUsedBytes ?? 0) / 1024 ** 2,
      ]),
      [['H100-SXM', 19818]],
    );
    const samples = new Samples();
    const sampler = new GpuSampler(
      [
        { kind: 'nvml', start: () => Promise.reject(new VelarError('not-found', 'no NVML here')) },
        { kind: 'nvidia-smi', start: (listener) => startSmi(smi, environment, listener) },
      ],
      samples.take,
      (reason) => assert.fail(reason),
    );
    sampler.every(1000);
    const told = await samples.until(({ cards }) => (cards[0]?.processes?.length ?? 0) > 0);
    assert.equal(told.source, 'nvidia-smi');
    assert.deepEqual(
      told.cards[0]?.processes?.map(({ pid }) => pid),
      [11327, 11328, 11345],
    );
    assert.equal(
      describeSampling(sampler.state),
      "Measured by nvidia-smi: NVML can't be used (no NVML here).",
    );
    await sampler.stop();
  });

  it('say so when nothing can be sampled', async () => {
    const failed = await new Promise<string>((resolve) => {
      const refuse = (message: string): SourceOption['start'] => {
        return () => Promise.reject(new VelarError('not-found', message));
      };
      const sampler = new GpuSampler(
        [
          { kind: 'nvml', start: refuse('no driver') },
          { kind: 'nvidia-smi', start: refuse('not on PATH') },
        ],
        () => undefined,
        resolve,
      );
      sampler.every(1000);
    });
    assert.equal(failed, "Cards can't be sampled. NVML: no driver. nvidia-smi: not on PATH.");
  });

  describe('with an NVML stand-in (no hardware)', () => {
    let standIn: NvmlStandIn;
    before(function () {
      const reason = withoutStandIn();
      if (reason !== undefined) skipBecause(this, reason);
    });
    beforeEach(() => {
      standIn = new NvmlStandIn([
        { usedBytes: 2 * GIB, gpuPercent: 87, processes: [{ pid: 1, usedBytes: GIB }] },
        { name: 'NVIDIA A100-SXM4-80GB', usedBytes: GIB },
      ]);
    });
    afterEach(() => standIn.remove());

    function nvmlThenSmi(inventory: GpuInventory, smi: string | null): SourceOption[] {
      const { nvml } = inventory;
      assert.ok(nvml !== undefined && 'command' in nvml);
      return [
        { kind: 'nvml', start: (listener) => startNvml(nvml.command, listener) },
        {
          kind: 'nvidia-smi',
          start: (listener) =>
            smi === null
              ? Promise.reject(new VelarError('not-found', 'it is not on PATH'))
              : startSmi(smi, { PATH: '/bin:/usr/bin' }, listener),
        },
      ];
    }

    it('ask NVML first', async () => {
      const { gpus, note, nvml } = await detect(standIn.environment(process.env));
      assert.deepEqual([gpus.map(({ model }) => model), note], [['L4', 'A100'], null]);
      assert.ok(nvml !== undefined && 'command' in nvml);
    });

    it('sample while somebody needs it, at the rate asked for, and read once in between', async () => {
      const inventory = await detect(standIn.environment(process.env));
      const samples = new Samples();
      const sampler = new GpuSampler(nvmlThenSmi(inventory, null), samples.take, (reason) =>
        assert.fail(reason),
      );
      const once = await sampler.read();
      assert.deepEqual(
        [once.source, once.cards.map(({ gpuPercent }) => gpuPercent)],
        ['nvml', [87, 0]],
      );
      assert.equal(describeSampling(sampler.state), 'Measured by NVML.');
      standIn.tell([{ gpuPercent: 5 }, {}]);
      sampler.every(50);
      await samples.until(({ cards }) => cards[0]?.gpuPercent === 5);
      const before = samples.all.length;
      await samples.until(() => samples.all.length > before + 3);
      sampler.every(null);
      await sampler.stop();
      const after = samples.all.length;
      await new Promise((resolve) => setTimeout(resolve, 150));
      assert.equal(samples.all.length, after);
    });

    it('fall back to nvidia-smi when the driver goes away under NVML', async () => {
      const smi = await recordedSmi();
      const inventory = await detect(standIn.environment(process.env));
      const samples = new Samples();
      const sampler = new GpuSampler(nvmlThenSmi(inventory, smi), samples.take, (reason) =>
        assert.fail(reason),
      );
      sampler.every(50);
      await samples.until(({ source }) => source === 'nvml');
      standIn.tell([{}, {}], ['fail nvmlDeviceGetUtilizationRates 18']);
      await samples.until(({ source }) => source === 'nvidia-smi');
      assert.equal(
        describeSampling(sampler.state),
        "Measured by nvidia-smi: NVML can't be used (Driver/library version mismatch (NVML error 18)).",
      );
      await sampler.stop();
    });
  });
});
