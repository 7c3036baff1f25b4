import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { minimalEnvironment } from '../../../runtime/engines/children';
import { modelCacheEnvironment } from '../../../runtime/engines/volumePaths';
import { VolumeStore } from '../../../runtime/store/volumes';

describe('volumes', () => {
  let root: string;
  let volumes: VolumeStore;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'velar-volumes-'));
    volumes = new VolumeStore(join(root, 'volumes'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  it('are folders made on first use, listed with what they take, removed with all they hold', async () => {
    assert.deepEqual(await volumes.list(), []);
    const before = Date.now() - 1000; // file systems keep coarse clocks
    const folder = volumes.folder('weights');
    mkdirSync(join(folder, 'deep', 'er'), { recursive: true });
    writeFileSync(join(folder, 'deep', 'er', 'model.bin'), Buffer.alloc(5000));
    writeFileSync(join(root, 'elsewhere'), Buffer.alloc(100_000));
    symlinkSync(join(root, 'elsewhere'), join(folder, 'link'));
    volumes.folder('data');
    const [data, weights, ...others] = await volumes.list();
    assert.deepEqual(others, []);
    assert.deepEqual([data?.name, data?.bytes], ['data', 0]);
    assert.deepEqual([weights?.name, weights?.bytes], ['weights', 5000]);
    assert.ok((weights?.lastUsedAt ?? 0) >= before);
    await volumes.remove('weights');
    assert.deepEqual(
      (await volumes.list()).map(({ name }) => name),
      ['data'],
    );
    assert.ok(existsSync(join(root, 'elsewhere')), 'what a link points at is nobody’s to remove');
    await assert.rejects(volumes.remove('weights'), { code: 'not-found' });
  });

  it('are not removed while a container uses them', async () => {
    volumes.folder('data');
    volumes.askForUse((name) => name === 'data');
    assert.equal((await volumes.list())[0]?.inUse, true);
    await assert.rejects(volumes.remove('data'), { code: 'conflict' });
    assert.equal((await volumes.list()).length, 1);
  });

  it('have names that lead nowhere else', async () => {
    for (const name of ['..', '.', '', 'a/b', '../x', '.hidden', 'a\0b', 'x'.repeat(65)]) {
      assert.throws(() => volumes.folder(name), { code: 'invalid' }, name);
      await assert.rejects(volumes.remove(name), { code: 'invalid' }, name);
    }
  });
});

describe('model caches', () => {
  it('lie in one folder where the engine isolates, and are the person’s own where it does not', () => {
    assert.deepEqual(modelCacheEnvironment('/cache'), {
      HF_HOME: '/cache/huggingface',
      TORCH_HOME: '/cache/torch',
    });
    const passed = minimalEnvironment({ HF_HOME: '/h', TORCH_HOME: '/t', HF_TOKEN: 'hf_x' });
    assert.deepEqual(passed, { HF_HOME: '/h', TORCH_HOME: '/t' });
  });
});
