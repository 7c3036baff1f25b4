import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { claimOf, tagOf } from '../../runtime/images/docker/imageNames';
import { valueOf, type Harness } from '../runtime/scheduling/harness';
import { baseImage, dockerClient, openDocker } from './support';

const MEGABYTES = 4;
const app = (name: string): Record<string, string> => ({
  'app.py': `
import velar
base = velar.Image.from_registry("${baseImage()}")
app = velar.App("test")

@app.function(image=base.run_commands("head -c ${MEGABYTES}000000 /dev/urandom > /${name}"))
def f():
    return "${name}"
`,
});

describe('images of two runtimes on one Docker engine', function () {
  this.timeout(240_000);
  const docker = dockerClient();
  const environment: Record<string, string | undefined> = { ...process.env };
  let one: Harness;
  let two: Harness;
  beforeEach(async () => {
    [one, two] = [await openDocker({ environment }), await openDocker({ environment })];
  });
  afterEach(async () => {
    for (const harness of [one, two]) {
      await stopAll(harness);
      for (const { name, inUse } of await imagesOf(harness)) {
        if (!inUse) await harness.service.storage.remove('image', name);
      }
    }
    await one.close();
    await two.close();
  });

  const imagesOf = async (harness: Harness) =>
    (await harness.service.storage.list()).filter(({ kind }) => kind === 'image');

  async function stopAll({ service }: Harness): Promise<void> {
    await Promise.all(
      service.containers().map(({ container }) => service.stopContainer(container)),
    );
  }

  /** Runs a function whose image is of that name; the image's key. */
  async function use(harness: Harness, name: string, phase: RegExp): Promise<string> {
    const run = await harness.run(await harness.bundle(app(name)), { qualname: 'f' });
    await run.ended;
    assert.equal(valueOf(run), name);
    const ends = run.events.filter(
      (event) => event.type === 'phase' && event.phase === 'image' && event.status !== 'started',
    );
    const last = ends.at(-1);
    assert.ok(last?.type === 'phase');
    assert.match(`${last.status} ${last.detail ?? ''}`, phase);
    const found = (await imagesOf(harness)).find(({ label }) => label.includes(`/${name}`));
    assert.ok(found);
    return found.name;
  }

  function usedHoursAgo(harness: Harness, key: string, hours: number): void {
    const at = Date.now() / 1000 - hours * 3600;
    utimesSync(join(harness.home, 'docker-images', `${key}.used`), at, at);
  }

  async function isThere(tag: string): Promise<boolean> {
    return docker
      .getImage(tag)
      .inspect()
      .then(
        () => true,
        () => false,
      );
  }

  it('go least recently used first where they are over the limit, none in use, none of others', async () => {
    const theirs = await use(two, 'theirs', /^done built/);
    const [oldest, older, newer] = [
      await use(one, 'oldest', /^done built/),
      await use(one, 'older', /^done built/),
      await use(one, 'newer', /^done built/),
    ] as [string, string, string];
    await stopAll(two);
    for (const [key, hours] of [
      [oldest, 9],
      [older, 7],
      [newer, 5],
    ] as const) {
      usedHoursAgo(one, key, hours);
    }
    // The one that would go first has its container.
    for (const container of one.service.containers()) {
      if (!(await imageOf(container.container)).includes(tagOf(oldest))) {
        await one.service.stopContainer(container.container);
      }
    }
    const sizes = new Map((await imagesOf(one)).map(({ name, bytes }) => [name, bytes]));
    const sizeOf = (key: string): number => sizes.get(key) ?? 0;
    assert.ok(sizeOf(older) >= MEGABYTES * 1e6);
    // Room for two of the three.
    environment['VELAR_IMAGE_LIMIT_GB'] = String((sizeOf(oldest) + sizeOf(newer)) / 1e9);
    assert.equal(await one.service.storage.prune(), sizeOf(older));
    // Other suites may have left images of other runtimes.
    const left = new Set((await imagesOf(one)).map(({ name }) => name));
    const stay = [oldest, older, newer, theirs].filter((key) => left.has(key));
    assert.deepEqual(stay, [oldest, newer, theirs]);
    await assert.rejects(one.service.storage.remove('image', theirs), /another runtime's/);
    assert.ok(await isThere(tagOf(theirs)));
    await use(two, 'theirs', /image cached$/);
  });

  it('that both use stay for the other when one of them lets go', async () => {
    const key = await use(one, 'shared', /^done built/);
    assert.equal(await use(two, 'shared', /image cached$/), key);
    await stopAll(one);
    await stopAll(two);
    assert.equal(await one.service.storage.remove('image', key), 0);
    assert.equal(await isThere(claimOf(key, one.store.runtimeId)), false);
    await use(two, 'shared', /image cached$/);
    await stopAll(two);
    assert.ok((await two.service.storage.remove('image', key)) > 0);
    assert.equal(await isThere(tagOf(key)), false);
  });

  /** Names of the image that a container is made of. */
  async function imageOf(container: string): Promise<string[]> {
    const { Image } = await docker.getContainer(`velar-${container}`).inspect();
    return (await docker.getImage(Image).inspect()).RepoTags;
  }
});
