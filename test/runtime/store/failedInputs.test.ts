import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  FailedInputStore,
  MAX_KEPT_BYTES,
  MAX_KEPT_INPUTS,
  type KeptInput,
} from '../../../runtime/store/failedInputs';

const input = (index: number, body: Buffer = Buffer.from([0x80, index & 255])): KeptInput => ({
  map: 1,
  app: 'shop',
  function: 'square',
  index,
  instance: false,
  body,
});

describe('inputs that failed, kept to be run again', () => {
  let folder: string;
  let errors: string[];
  const open = (): FailedInputStore =>
    new FailedInputStore(
      (run) => join(folder, run),
      (error) => errors.push(error.message),
    );

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'velar-failed-'));
    errors = [];
  });
  afterEach(async () => rm(folder, { recursive: true, force: true }));

  it('are read by a later runtime as they came, and by nobody else of the machine', async () => {
    const store = open();
    const given = [
      input(3),
      { ...input(5, Buffer.alloc(100_000, 7)), map: 2, instance: true },
      { ...input(9), environment: 'staging' as const },
    ];
    for (const one of given) assert.ok(store.append('run-a', one));
    await store.close('run-a');
    assert.deepEqual(await open().read('run-a'), given);
    assert.deepEqual(await open().read('run-b'), []);
    const { mode } = await stat(join(folder, 'run-a', 'failed-inputs'));
    assert.equal(mode & 0o077, 0);
    assert.deepEqual(errors, []);
  });

  it('are read while more are being written', async () => {
    const store = open();
    for (let index = 0; index < 300; index += 1) store.append('run-a', input(index));
    const read = await store.read('run-a');
    assert.deepEqual(
      read.map(({ index }) => index),
      Array.from({ length: 300 }, (_, index) => index),
    );
  });

  it('are no more than the limits of a run, which it says', async () => {
    const store = open();
    const large = Buffer.alloc(MAX_KEPT_BYTES / 4);
    const kept = [0, 1, 2, 3, 4].map((index) => store.append('run-a', input(index, large)));
    assert.deepEqual(kept, [true, true, true, true, false]);
    assert.equal(store.append('run-a', input(5)), false);
    for (let index = 0; index < MAX_KEPT_INPUTS; index += 1) {
      assert.ok(store.append('run-b', input(index)));
    }
    assert.equal(store.append('run-b', input(MAX_KEPT_INPUTS)), false);
    assert.equal((await store.read('run-a')).length, 4);
    assert.equal((await store.read('run-b')).length, MAX_KEPT_INPUTS);
  });

  it('are what a runtime that was killed had written whole', async () => {
    const store = open();
    store.append('run-a', input(1));
    await store.close('run-a');
    await appendFile(join(folder, 'run-a', 'failed-inputs'), Buffer.from([0, 0, 1, 0, 1]));
    assert.deepEqual(await open().read('run-a'), [input(1)]);
  });

  it('that can not be written are told', async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'run-a'), 'no folder');
    const store = open();
    store.append('run-a', input(1));
    await store.close('run-a');
    assert.equal(errors.length, 1);
  });
});
