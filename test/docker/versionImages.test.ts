import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { LABEL } from '../../runtime/engines/docker/createOptions';
import { tagOf } from '../../runtime/images/docker/imageNames';
import { imagePhase, printedBy, Shop } from '../runtime/deployments/shop';
import type { Harness } from '../runtime/scheduling/harness';
import { baseImage, containersOf, dockerClient, openDocker } from './support';

/** A name of the base image that is given to another one, as `docker pull` of a newer one does. */
const MOVING = { repo: 'velar-test-moving', tag: '1' };
const MOVING_NAME = `${MOVING.repo}:${MOVING.tag}`;
const APP = `
import velar
base = velar.Image.from_registry("${MOVING_NAME}")
app = velar.App("shop")

@app.function(image=base.run_commands("echo made > /made"))
def built():
    return 1

@app.function(image=base)
def plain():
    return 2
`;
const HOURS_AGO = (Date.now() - 5 * 3_600_000) / 1000;

describe('images of versions on a Docker engine', function () {
  this.timeout(240_000);
  const docker = dockerClient();
  let harness: Harness;
  let shop: Shop;
  beforeEach(async () => {
    await name(baseImage());
    await open();
  });
  afterEach(async () => {
    await shop.scaleToZero();
    await harness.service.dispose();
    await removeAll();
    await harness.close();
  });

  async function open(home?: string): Promise<void> {
    harness = await openDocker({
      environment: { ...process.env, VELAR_IMAGE_LIMIT_GB: '0' },
      ...(home === undefined ? {} : { home }),
    });
    shop = new Shop(harness);
  }

  async function restart(): Promise<void> {
    await shop.scaleToZero();
    await harness.end();
    await open(harness.home);
  }

  async function name(image: string): Promise<void> {
    await docker.getImage(image).tag(MOVING);
  }

  /** Gives the name of the base to another image with the same content. */
  async function moveBase(): Promise<void> {
    const made = await docker.createContainer({ Image: baseImage(), Cmd: ['true'] });
    const { Id } = (await made.commit({ comment: 'newer' })) as { Id: string };
    await made.remove();
    await name(Id);
  }

  /** Removes every name that the runtime gave, and the base's other one. */
  async function removeAll(): Promise<void> {
    for (const { RepoTags: tags } of await docker.listImages()) {
      for (const tag of tags ?? []) {
        if (tag.includes(harness.store.runtimeId)) {
          await docker.getImage(tag).remove();
          await docker.getImage(tag.split('.')[0] ?? '').remove();
        }
      }
    }
    await docker.getImage(MOVING_NAME).remove();
  }

  /** Ids of the images that containers of an environment are made of. */
  async function imagesOf(environment: string): Promise<string[]> {
    const containers = await containersOf(harness);
    const own = containers.filter(({ Labels }) =>
      Labels[LABEL.pool]?.startsWith(`shop@${environment}|`),
    );
    return own.map(({ ImageID }) => ImageID).sort();
  }

  const deploy = async () => shop.deploy(await harness.bundle({ 'app.py': APP }));

  it('are what was deployed, whatever they stand on is called by now', async () => {
    await deploy();
    const deployed = await imagesOf('staging');
    assert.equal(deployed.length, 2);
    await moveBase();
    await restart();
    assert.deepEqual(await shop.preview(1, 'staging'), []);
    const moved = await shop.move(1, 'production', 'promote');
    assert.equal(await printedBy(moved), '');
    assert.deepEqual(await imagesOf('production'), deployed);
    for (const qualname of ['built', 'plain']) {
      assert.match(
        imagePhase(await shop.call('staging', qualname)),
        /^skipped (image cached|warm)/,
      );
    }
    assert.deepEqual(await imagesOf('staging'), deployed);
    // What is deployed now stands on what has the name now.
    await deploy();
    const [first, second] = [shop.functions(1), shop.functions(2)];
    for (const [index, { pin }] of second.entries()) {
      assert.notEqual(pin?.build, first[index]?.pin?.build);
    }
    await shop.call('production', 'plain');
    assert.deepEqual(await imagesOf('production'), deployed);
  });

  it('stay while an environment serves them, though nothing runs and nobody else names them', async () => {
    await deploy();
    const deployed = await imagesOf('staging');
    await moveBase();
    await restart();
    const keys = shop.functions(1).map(({ pin }) => pin?.key ?? '');
    for (const key of keys) {
      utimesSync(join(harness.home, 'docker-images', `${key}.used`), HOURS_AGO, HOURS_AGO);
    }
    await harness.service.storage.prune();
    for (const key of keys) {
      await assert.rejects(harness.service.storage.remove('image', key), { code: 'conflict' });
    }
    for (const qualname of ['built', 'plain']) {
      assert.equal(imagePhase(await shop.call('staging', qualname)), 'skipped image cached');
    }
    assert.deepEqual(await imagesOf('staging'), deployed);
  });

  it('that are gone are named before a move, and said in the log of what builds them anew', async () => {
    await deploy();
    await shop.move(1, 'production', 'promote');
    const [built] = shop.functions(1);
    const key = built?.pin?.key ?? '';
    await shop.scaleToZero();
    await harness.end();
    await docker.getImage(tagOf(`${key}.${harness.store.runtimeId}`)).remove();
    await docker.getImage(tagOf(key)).remove();
    await moveBase();
    await open(harness.home);
    const lines = await shop.preview(1, 'staging');
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0] ?? '', /^built: the image that was deployed is gone/);
    const called = await shop.call('production', 'built');
    assert.match(await printedBy(called), /The image that was deployed is gone/);
    const [now] = shop.functions(1);
    assert.notEqual(now?.pin?.key, key, 'it stands on what the base is called now');
    assert.deepEqual(await shop.preview(1, 'staging'), []);
    await assert.rejects(harness.service.storage.remove('image', now?.pin?.key ?? ''), {
      code: 'conflict',
    });
    await shop.scaleToZero();
    assert.equal(await printedBy(await shop.call('production', 'built')), '', 'it is said once');
  });
});
