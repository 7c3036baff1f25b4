import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VelarError } from '../../../runtime/protocol/errors';
import type { Check, Gpu } from '../../../runtime/protocol/methods';
import { runDoctor, type DoctorFacts } from '../../../runtime/server/doctor';

describe('doctor', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'velar-doctor-'));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  async function check(name: string, change: Partial<DoctorFacts> = {}): Promise<Check> {
    const checks = await runDoctor({
      home,
      url: 'ws://127.0.0.1:7070',
      storeFailure: undefined,
      python: () => Promise.resolve({ executable: '/usr/bin/python3', version: '3.11.7' }),
      gpus: () => Promise.resolve({ gpus: [], note: 'No NVIDIA driver was found.' }),
      engine: () =>
        Promise.resolve({ name: 'docker', ok: true, detail: 'Not used.', remedy: null }),
      ...change,
    });
    assert.deepEqual(
      checks.map((each) => each.name),
      ['home', 'disk', 'python', 'gpu', 'docker', 'port'],
    );
    const found = checks.find((each) => each.name === name);
    assert.ok(found);
    return found;
  }

  it('finds a machine in order, and leaves nothing in its home', async () => {
    for (const name of ['home', 'python', 'gpu', 'port']) {
      const { ok, remedy } = await check(name);
      assert.deepEqual([ok, remedy], [true, null], name);
    }
    assert.match((await check('python')).detail, /3\.11\.7 at \/usr\/bin\/python3/);
    assert.match((await check('port')).detail, /127\.0\.0\.1:7070/);
    assert.match((await check('disk')).detail, /^\d+\.\d GiB free/);
    assert.deepEqual(await readdir(home), []);
  });

  it('says what to do about a home that can’t be written', async () => {
    const file = join(home, 'file');
    await writeFile(file, '');
    const broken = await check('home', { home: join(file, 'below') });
    assert.equal(broken.ok, false);
    assert.match(broken.detail, /can't be written/);
    assert.match(broken.remedy ?? '', /VELAR_HOME/);
    const gone = await check('disk', { home: join(file, 'below') });
    assert.equal(gone.ok, false);
    assert.match(gone.detail, /Free space is unknown/);
  });

  it('passes on why the store could not be written, with its remedy', async () => {
    const storeFailure = new VelarError('disk-full', 'The disk is full.', { hint: 'Free some.' });
    const { ok, detail, remedy } = await check('home', { storeFailure });
    assert.deepEqual([ok, detail, remedy], [false, 'The disk is full.', 'Free some.']);
  });

  it('passes on why there is no Python, with its remedy', async () => {
    const missing = new VelarError('python-missing', 'No usable Python.', { hint: 'Install one.' });
    const { ok, detail, remedy } = await check('python', { python: () => Promise.reject(missing) });
    assert.deepEqual([ok, detail, remedy], [false, 'No usable Python.', 'Install one.']);
  });

  it('names the cards, and takes a machine without one as it is', async () => {
    assert.deepEqual(
      [(await check('gpu')).ok, (await check('gpu')).detail],
      [true, 'No NVIDIA driver was found.'],
    );
    const card = {
      index: 0,
      uuid: 'GPU-made-up-0',
      name: 'NVIDIA L4',
      model: 'L4',
      memoryTotalBytes: 24 * 1024 ** 3,
      memoryUsedBytes: null,
    };
    const cards = (...gpus: Gpu[]) => ({
      gpus: () => Promise.resolve({ gpus, note: null, source: 'Measured by NVML.' }),
    });
    const { ok, detail } = await check('gpu', cards(card, card));
    assert.deepEqual([ok, detail], [true, 'NVIDIA L4, NVIDIA L4. Measured by NVML.']);
    const told = { gpuPercent: null, memoryPercent: null, temperatureC: null, processes: null };
    const live = {
      ...told,
      at: 0,
      source: 'nvml' as const,
      powerWatts: null,
      powerLimitWatts: null,
      problem: 'GPU is lost (NVML error 15)',
    };
    const lost = await check('gpu', cards({ ...card, live }));
    assert.equal(lost.ok, false);
    assert.match(lost.detail, /Card 0: GPU is lost \(NVML error 15\)\./);
    assert.match(lost.remedy ?? '', /Restart the machine/);
  });
});
