import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { PythonInterpreter } from '../../../runtime/images/python';
import { versionSchema } from '../../../runtime/protocol/deployments';
import { Harness, python } from '../scheduling/harness';
import { imagePhase, printedBy, Shop } from './shop';

const APP = `
import velar
app = velar.App("shop")

@app.function()
def greet():
    return "hello"
`;
const HOURS_AGO = (Date.now() - 5 * 3_600_000) / 1000;

describe('images of versions', function () {
  this.timeout(120_000);
  let harness: Harness;
  let shop: Shop;
  beforeEach(() => open());
  afterEach(() => harness.close());

  /** The same home again where one is given. */
  async function open(home?: string, interpreter = python): Promise<void> {
    harness = await Harness.open({
      environment: { ...process.env, VELAR_IMAGE_LIMIT_GB: '0' },
      python: interpreter,
      ...(home === undefined ? {} : { home }),
    });
    shop = new Shop(harness);
  }

  async function deployed(): Promise<string> {
    await shop.deploy(await harness.bundle({ 'app.py': APP }));
    const pin = shop.functions(1)[0]?.pin;
    assert.ok(pin);
    return pin.key;
  }

  const folderOf = (key: string): string => join(harness.home, 'images', key);

  function age(key: string): void {
    utimesSync(join(folderOf(key), 'velar-image.json'), HOURS_AGO, HOURS_AGO);
  }

  it('stay while an environment serves them, though nothing runs', async () => {
    const key = await deployed();
    await shop.scaleToZero();
    await harness.end();
    await open(harness.home);
    age(key);
    assert.equal(await harness.service.storage.prune(), 0);
    const [image] = (await harness.service.storage.list()).filter(({ kind }) => kind === 'image');
    assert.deepEqual([image?.name, image?.inUse], [key, true]);
    assert.match(image?.label ?? '', /· version 1 of shop$/);
    await assert.rejects(harness.service.storage.remove('image', key), /serves version 1 of shop/);
    assert.equal(imagePhase(await shop.call('staging', 'greet')), 'skipped image cached');
  });

  it('stay for a way back, unless somebody removes them by hand', async () => {
    const first = await deployed();
    const requirements =
      'image = velar.Image.debian_slim().pip_install_from_requirements("none.txt")';
    const changed = APP.replace('@app.function()', `${requirements}\n\n@app.function(image=image)`);
    await shop.deploy(await harness.bundle({ 'app.py': changed, 'none.txt': '' }));
    const second = shop.functions(2)[0]?.pin?.key ?? '';
    assert.notEqual(second, first);
    await shop.scaleToZero();
    await harness.end();
    await open(harness.home);
    for (const key of [first, second]) age(key);
    assert.equal(await harness.service.storage.prune(), 0);
    await assert.rejects(harness.service.storage.remove('image', second), { code: 'conflict' });
    assert.ok((await harness.service.storage.remove('image', first)) > 0);
    assert.match(
      (await shop.preview(1, 'staging')).at(-1) ?? '',
      /image that was deployed is gone/,
    );
  });

  it('that are gone are named before a move, and said in the log of what builds them anew', async () => {
    const key = await deployed();
    const before = shop.functions(1)[0]?.pin;
    await shop.scaleToZero();
    await harness.end();
    await rm(folderOf(key), { recursive: true });
    await open(harness.home);
    const gone = /^greet: the image that was deployed is gone; another build of it will serve/;
    assert.match((await shop.preview(1, 'production')).at(-1) ?? '', gone);
    const moved = await shop.move(1, 'production', 'promote');
    assert.match(await printedBy(moved), /The image that was deployed is gone\. Another build/);
    const after = shop.functions(1)[0]?.pin;
    assert.equal(after?.key, key);
    assert.notEqual(after?.build, before?.build);
    assert.ok(harness.warnings.some((warning) => /version 1 of shop was gone/.test(warning)));
    assert.ok(!(await shop.preview(1, 'staging')).some((line) => gone.test(line)));
    await shop.scaleToZero();
    const called = await shop.call('production', 'greet');
    assert.equal(await printedBy(called), '', 'it is said once');
  });

  it('serve on though the machine has another Python by now', async () => {
    const key = await deployed();
    await shop.scaleToZero();
    await harness.end();
    const { executable, version } = await python();
    const updated: PythonInterpreter = { executable, version: `${version}9` };
    await open(harness.home, () => Promise.resolve(updated));
    const moved = await shop.move(1, 'production', 'promote');
    assert.equal(imagePhase(moved), 'skipped image cached');
    const images = (await harness.service.storage.list()).filter(({ kind }) => kind === 'image');
    assert.deepEqual(
      images.map(({ name }) => name),
      [key],
    );
    assert.equal(shop.functions(1)[0]?.pin?.key, key);
  });

  it('of versions that did not keep theirs are kept from the next call on', async () => {
    const key = await deployed();
    const { database } = harness.store;
    const [row] = database.all('SELECT content FROM versions');
    const version = versionSchema.parse(JSON.parse(String(row?.['content'])));
    const functions = version.functions.map(({ pin: _pin, ...fn }) => fn);
    database.run('UPDATE versions SET content = ?', [JSON.stringify({ ...version, functions })]);
    await harness.end();
    await open(harness.home);
    assert.match((await shop.preview(1, 'production')).at(-1) ?? '', /greet: .* is unknown/);
    await shop.call('staging', 'greet');
    await shop.scaleToZero();
    assert.equal(shop.functions(1)[0]?.pin?.key, key);
    await assert.rejects(harness.service.storage.remove('image', key), { code: 'conflict' });
  });
});
