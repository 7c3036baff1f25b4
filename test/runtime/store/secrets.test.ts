import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VelarError } from '../../../runtime/protocol/errors';
import { openStore, type Store } from '../../../runtime/store/store';

const VALUE = 'hf_a-value-that-nobody-may-see';

describe('secrets of a home', () => {
  let home: string;
  let store: Store;
  const reopen = (): void => {
    store.close();
    store = open();
  };
  const open = (): Store =>
    openStore(home, (error) => {
      throw error;
    });
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'velar-secrets-'));
    store = open();
  });
  afterEach(() => {
    store.close();
    rmSync(home, { recursive: true, force: true });
  });

  /** Everything in the home as one text. */
  const onDisk = (): string =>
    readdirSync(home, { recursive: true, encoding: 'utf8' })
      .map((name) => join(home, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path, 'latin1'))
      .join('\n');

  const conflict = (pattern: RegExp) => (error: VelarError) =>
    error.code === 'conflict' &&
    pattern.test(error.message) &&
    /velar secret set hf /.test(error.hint ?? '') &&
    !`${error.message}${error.hint ?? ''}`.includes(VALUE);

  it('survive a restart, lie there encrypted, and are listed without their values', () => {
    assert.equal(existsSync(join(home, 'secrets.key')), false, 'no key before it is needed');
    store.secrets.set('hf', { HF_TOKEN: VALUE }, 1000);
    store.secrets.set('hf', { HF_USER: 'someone-by-name' }, 2000);
    assert.equal(statSync(join(home, 'secrets.key')).mode & 0o777, 0o600);
    reopen();
    assert.deepEqual(store.secrets.values('hf'), { HF_TOKEN: VALUE, HF_USER: 'someone-by-name' });
    const listed = store.secrets.list();
    assert.deepEqual(listed, [{ name: 'hf', variables: ['HF_TOKEN', 'HF_USER'], updatedAt: 2000 }]);
    store.database.flush();
    for (const text of [VALUE, 'someone-by-name', Buffer.from(VALUE).toString('base64')]) {
      assert.equal(onDisk().includes(text), false, text);
    }
    store.secrets.remove('hf');
    reopen();
    assert.equal(store.secrets.values('hf'), undefined);
    assert.throws(() => store.secrets.remove('hf'), { code: 'not-found' });
  });

  it('are each environment’s own beside the one for all others', () => {
    const store = open();
    store.secrets.set('hf', { HF_TOKEN: VALUE }, 1000);
    store.secrets.set('hf', { HF_TOKEN: 'of-staging' }, 2000, 'staging');
    store.secrets.set('hf', { MORE: 'x' }, 3000, 'staging');
    assert.deepEqual(store.secrets.values('hf'), { HF_TOKEN: VALUE });
    assert.deepEqual(store.secrets.values('hf', 'staging'), { HF_TOKEN: 'of-staging', MORE: 'x' });
    assert.equal(store.secrets.values('hf', 'production'), undefined);
    assert.deepEqual(store.secrets.list(), [
      { name: 'hf', variables: ['HF_TOKEN'], updatedAt: 1000 },
      { name: 'hf', environment: 'staging', variables: ['HF_TOKEN', 'MORE'], updatedAt: 3000 },
    ]);
    store.secrets.remove('hf');
    assert.deepEqual(Object.keys(store.secrets.values('hf', 'staging') ?? {}).length, 2);
    assert.throws(() => store.secrets.remove('hf', 'production'), /hf for production alone/);
  });

  it('are bound to their name: a row under another one opens for nobody', () => {
    store.secrets.set('hf', { TOKEN: VALUE });
    store.secrets.set('other', { TOKEN: 'x' });
    const [sealed] = store.database.all("SELECT sealed FROM secrets WHERE name = 'other'");
    store.database.run("UPDATE secrets SET sealed = ? WHERE name = 'hf'", [
      String(sealed?.['sealed']),
    ]);
    assert.throws(() => store.secrets.values('hf'), conflict(/hf can't be decrypted/));
  });

  it('say which one a replaced, damaged or missing key shuts, and how to go on', () => {
    const key = join(home, 'secrets.key');
    store.secrets.set('hf', { TOKEN: VALUE });
    const good = readFileSync(key);
    writeFileSync(key, randomBytes(32));
    assert.throws(() => store.secrets.values('hf'), conflict(/Secret hf can't be .*not sealed/));
    assert.throws(() => store.secrets.set('hf', { MORE: '1' }), conflict(/hf/));
    writeFileSync(key, good.subarray(0, 31));
    assert.throws(() => store.secrets.values('hf'), conflict(/key .* is damaged/));
    rmSync(key);
    assert.throws(() => store.secrets.values('hf'), conflict(/key .* is missing/));
    store.secrets.remove('hf');
    store.secrets.set('hf', { TOKEN: 'new' });
    assert.deepEqual(store.secrets.values('hf'), { TOKEN: 'new' });
    writeFileSync(key, good);
    assert.throws(() => store.secrets.values('hf'), conflict(/not sealed/));
  });

  it('take over a plain file once and remove it; a bad one stays, and is not quoted', () => {
    const file = join(home, 'secrets.json');
    assert.equal(store.importedSecrets, undefined);
    writeFileSync(file, JSON.stringify({ hf: { HF_TOKEN: VALUE }, db: { PASSWORD: 'p' } }));
    reopen();
    assert.deepEqual(store.importedSecrets, { names: ['hf', 'db'] });
    assert.equal(existsSync(file), false);
    assert.deepEqual(store.secrets.values('hf'), { HF_TOKEN: VALUE });
    writeFileSync(file, `{"hf": "${VALUE}`);
    reopen();
    const imported = JSON.stringify(store.importedSecrets);
    assert.match(imported, /^\{"problem":/);
    assert.ok(imported.includes('secrets.json') && !imported.includes(VALUE), imported);
    assert.ok(existsSync(file));
  });
});
