import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { minimalEnvironment } from '../../../runtime/engines/children';
import { modelCacheEnvironment } from '../../../runtime/engines/volumePaths';
import { VelarError } from '../../../runtime/protocol/errors';
import { volumeOf, VolumeStore } from '../../../runtime/store/volumes';

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

  it('are copied for staging once, whole or not at all', async () => {
    const plain = volumes.folder('data');
    mkdirSync(join(plain, 'deep'));
    writeFileSync(join(plain, 'deep', 'tool.sh'), 'echo', { mode: 0o755 });
    writeFileSync(join(plain, 'big'), Buffer.alloc(5000));
    symlinkSync('big', join(plain, 'link'));
    const giveUp = (): void => {
      throw new VelarError('cancelled', 'Cancelled.');
    };
    await assert.rejects(volumes.seed('data', giveUp), { code: 'cancelled' });
    assert.deepEqual(
      (await volumes.list()).map(({ name }) => name),
      ['data'],
      'nothing is left of a copy that was given up',
    );
    const told: string[] = [];
    const both = await Promise.all([
      volumes.seed('data', (bytes, total) => told.push(`${String(bytes)}/${String(total)}`)),
      volumes.seed('data'),
    ]);
    assert.deepEqual(both, [5004, undefined], 'two that ask at once make one copy');
    assert.equal(told.at(-1), '5004/5004');
    const staged = volumes.folder(volumeOf('data', 'staging'));
    assert.equal(statSync(join(staged, 'deep', 'tool.sh')).mode & 0o777, 0o755);
    assert.equal(readlinkSync(join(staged, 'link')), 'big');
    writeFileSync(join(staged, 'big'), 'mine');
    assert.equal(await volumes.seed('data'), undefined);
    assert.equal(readFileSync(join(staged, 'big'), 'utf8'), 'mine');
    assert.equal(statSync(join(plain, 'big')).size, 5000);
    assert.equal(await volumes.seed('none-yet'), 0);
    await volumes.remove(volumeOf('data', 'staging'));
    assert.equal(await volumes.seed('data'), 5004);
  });

  it('have names that lead nowhere else', async () => {
    for (const name of [
      '..',
      '.',
      '',
      'a/b',
      '../x',
      '.hidden',
      'a\0b',
      'x'.repeat(65),
      'a@b',
      '@staging',
    ]) {
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
