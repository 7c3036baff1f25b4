import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ensureProgram, Unavailable } from '../../scripts/lib/machine.mjs';
import { DockerImages, type DockerImagePlan } from '../../runtime/images/docker/dockerImages';
import type { RunError } from '../../runtime/protocol/values';
import { filesOf } from '../support/bundleFiles';
import { skipBecause } from '../support/skip';
import {
  REGISTRY_PASSWORD,
  REGISTRY_USER,
  slowWayTo,
  startRegistry,
  type SlowWay,
  type TestRegistry,
} from './registry';
import { failure, NEVER, QUIET } from './imageSupport';
import { baseImage, dockerClient } from './support';

const PLACE = { file: 'app.py', line: 3 };
const LAYER_BYTES = 24_000_000;
/** Of an image with many layers; the engine downloads three at once. */
const SMALL_LAYERS = 6;
const SMALL_BYTES = 8_000_000;

describe('pulling images', function () {
  this.timeout(180_000);
  const docker = dockerClient();
  let folder: string;
  let images: DockerImages;
  let registry: TestRegistry;
  let slow: SlowWay;
  before(async function () {
    folder = await mkdtemp(join(tmpdir(), 'velar-docker-pull-'));
    let program: string;
    try {
      program = await ensureProgram('docker-registry');
    } catch (error) {
      if (error instanceof Unavailable) return skipBecause(this, error.message);
      throw error;
    }
    registry = await startRegistry(program, join(folder, 'registry'));
    slow = await slowWayTo(registry.host, 12_000_000);
    await login(registry.host, REGISTRY_PASSWORD);
    images = new DockerImages({
      docker,
      folder: join(folder, 'docker'),
      environment: { ...process.env, DOCKER_CONFIG: folder },
      runtime: 'rt-test',
      labels: {},
      user: '65534:65534',
      pythonVersion: () => Promise.resolve('3.11'),
    });
    await pushImage('app', [LAYER_BYTES]);
    await pushImage('layers', Array<number>(SMALL_LAYERS).fill(SMALL_BYTES));
  });
  after(async () => {
    await images.dispose();
    await slow.stop();
    await registry.stop();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => login(registry.host, REGISTRY_PASSWORD));

  async function login(host: string, password: string): Promise<void> {
    const auth = Buffer.from(`${REGISTRY_USER}:${password}`).toString('base64');
    await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
  }

  /** An image with layers of these sizes over the base, known to the registry alone. */
  async function pushImage(repository: string, sizes: readonly number[]): Promise<void> {
    const plan = await images.plan(
      {
        base: { kind: 'registry', tag: baseImage() },
        layers: sizes.map((bytes, index) => ({
          kind: 'run',
          commands: [`head -c ${bytes} /dev/urandom > /data${index === 0 ? '' : index}`],
        })),
      },
      filesOf({}),
    );
    await images.ensure(plan, QUIET, NEVER);
    const name = `${registry.host}/team/${repository}`;
    await docker.getImage(`velar/image:${plan.key}`).tag({ repo: name, tag: '1' });
    const push = (await docker.getImage(`${name}:1`).push({
      authconfig: {
        username: REGISTRY_USER,
        password: REGISTRY_PASSWORD,
        serveraddress: registry.host,
      },
    })) as Readable;
    let said = '';
    for await (const chunk of push) said += String(chunk);
    assert.doesNotMatch(said, /"error"/);
    await docker.getImage(`${name}:1`).remove();
    await images.remove(plan.key);
  }

  const plan = (tag: string): Promise<DockerImagePlan> =>
    images.plan({ base: { kind: 'registry', tag, ...PLACE }, layers: [] }, filesOf({}));

  const failureOf = async (tag: string): Promise<RunError> =>
    failure(images.ensure(await plan(tag), QUIET, NEVER));

  it('tells layers, bytes, rate and time left, and pulls once', async () => {
    await login(slow.host, REGISTRY_PASSWORD);
    const tag = `${slow.host}/team/app:1`;
    const progress: string[] = [];
    const listener = {
      progress: (detail: string) => void progress.push(detail),
      output: () => undefined,
    };
    const wanted = await plan(tag);
    try {
      const started = Date.now();
      const ready = await images.ensure(wanted, listener, NEVER);
      assert.equal(ready.cached, false);
      assert.ok(Date.now() - started > 1000);
      const rates = progress.flatMap((line) => {
        const found =
          /^pulling \S+ · \d of \d layers · [\d.]+ of 24 MB · ([\d.]+) MB\/s · \d s left$/;
        const rate = found.exec(line.replace(slow.host, 'host'))?.[1];
        return rate === undefined ? [] : [Number(rate)];
      });
      // No faster than the way allows, with room for what lies in buffers.
      assert.ok(rates.length > 0 && rates.every((rate) => rate < 20), progress.join('\n'));
      assert.equal((await images.ensure(await plan(tag), QUIET, NEVER)).cached, true);
      assert.equal((await plan(tag)).key, wanted.key, 'its containers serve later plans too');
      assert.equal(images.isReady(await plan(tag)), true);
    } finally {
      await docker.getImage(tag).remove();
    }
  });

  it('of many layers tells the least time left early, and that it has stalled when it has', async () => {
    await login(slow.host, REGISTRY_PASSWORD);
    const tag = `${slow.host}/team/layers:1`;
    const progress: string[] = [];
    const LEAST_LEFT = / of at least \d+ MB · [\d.]+ MB\/s · at least \d+ s left$/;
    let frozen: number | undefined;
    const listener = {
      progress: (detail: string) => {
        progress.push(detail);
        if (frozen === undefined && LEAST_LEFT.test(detail)) {
          frozen = progress.length;
          slow.freeze();
        }
        if (/stalled for [5-9] s$/.test(detail)) slow.thaw();
      },
      output: () => undefined,
    };
    try {
      await images.ensure(await plan(tag), listener, NEVER);
      const told = progress.join('\n');
      assert.ok(frozen !== undefined, told);
      // Three of six are under way: the sizes of the others are not known yet.
      const early = progress.slice(0, frozen);
      assert.ok(
        early.some((line) => / · at least \d+ s left$/.test(line)),
        told,
      );
      assert.ok(!early.some((line) => / · \d+ s left$/.test(line)), told);
      const stalled = progress.filter((line) => line.includes('stalled'));
      assert.ok(stalled.length > 1 && stalled.every((line) => !/MB\/s|left/.test(line)), told);
      const seconds = stalled.map((line) => Number(/ · stalled for (\d+) s$/.exec(line)?.[1]));
      assert.deepEqual(
        seconds,
        [...new Set(seconds)].sort((a, b) => a - b),
        told,
      );
      assert.ok(
        seconds.every((each) => each >= 3 && each < 60),
        told,
      );
      // Once it goes again, and all sizes are known, so is the time.
      const after = progress.slice(progress.lastIndexOf(stalled.at(-1) ?? '') + 1);
      assert.ok(
        after.some((line) => /of 48 MB · [\d.]+ MB\/s · \d+ s left$/.test(line)),
        told,
      );
      assert.match(told, /· \d of 7 layers · 48 MB/);
    } finally {
      slow.thaw();
      await docker.getImage(tag).remove();
    }
  });

  it('leaves what is listed as pulled, and goes by hand once nothing stands on it', async () => {
    const tag = `${registry.host}/team/app:1`;
    const base = { kind: 'registry', tag } as const;
    const layers = [{ kind: 'run' as const, commands: ['test -f /data'] }];
    const over = await images.plan({ base, layers }, filesOf({}));
    await images.ensure(over, QUIET, NEVER);
    const pulled = async () => (await images.stored()).filter(({ owner }) => owner === 'pulled');
    const [listed] = await pulled();
    assert.equal(listed?.key, tag);
    assert.ok((listed?.bytes ?? 0) >= LAYER_BYTES);
    assert.equal(listed?.inUse, true);
    await assert.rejects(images.remove(tag), /in use/);
    const built = (await images.stored()).find(({ owner }) => owner === 'ours');
    await images.remove(built?.key ?? '');
    assert.equal((await pulled())[0]?.inUse, false);
    assert.ok((await images.remove(tag)) >= LAYER_BYTES);
    assert.deepEqual(await pulled(), []);
    await assert.rejects(docker.getImage(tag).inspect(), { statusCode: 404 });
  });

  it('with wrong credentials or none names the login that is missing', async () => {
    const tag = `${registry.host}/team/app:1`;
    await login(registry.host, 'wrong');
    const wrong = await failureOf(tag);
    assert.equal(wrong.type, 'RegistryLogin');
    assert.match(wrong.message, /refused the credentials/);
    assert.match(wrong.hint ?? '', new RegExp(`docker login ${registry.host}`));
    assert.doesNotMatch(JSON.stringify(wrong), /wrong/);
    await login('elsewhere.example.com', REGISTRY_PASSWORD);
    assert.match((await failureOf(tag)).message, /asks for credentials/);
  });

  it('of a tag that does not exist says so, at the line that names it', async () => {
    const error = await failureOf(`${registry.host}/team/app:nosuch`);
    assert.equal(error.type, 'ImageNotFound');
    assert.equal(error.kind, 'image');
    assert.match(error.message, /There is no image .*team\/app:nosuch in the registry/);
    assert.deepEqual(error.traceback, [{ ...PLACE, function: 'image' }]);
  });

  it('from a registry that does not answer says so', async () => {
    const error = await failureOf('127.0.0.1:1/team/app:1');
    assert.equal(error.type, 'RegistryUnreachable');
    assert.equal(error.kind, 'infrastructure');
  });

  it('ends when nobody waits any more', async () => {
    await login(slow.host, REGISTRY_PASSWORD);
    const tag = `${slow.host}/team/app:1`;
    const abort = new AbortController();
    const listener = {
      progress: (detail: string) => void (/MB/.test(detail) && abort.abort()),
      output: () => undefined,
    };
    await assert.rejects(images.ensure(await plan(tag), listener, abort.signal), /Cancelled/);
    await images.dispose();
    await assert.rejects(docker.getImage(tag).inspect(), /no such image/i);
  });

  it('serves as the base of layers and of a Dockerfile of the workspace', async () => {
    const tag = `${registry.host}/team/app:1`;
    const files = filesOf({ Dockerfile: `FROM ${tag}\nRUN test -f /data\n` });
    try {
      const over = await images.plan(
        {
          base: { kind: 'registry', tag },
          layers: [{ kind: 'run', commands: ['test -f /data'] }],
        },
        files,
      );
      const first = await images.ensure(over, QUIET, NEVER);
      // The key that the image got once its base was known is found under the plan made before.
      assert.deepEqual(await images.ensure(over, QUIET, NEVER), { ...first, cached: true });
      await docker.getImage(tag).remove({ force: true });
      const own = await images.plan(
        { base: { kind: 'dockerfile', path: 'Dockerfile' }, layers: [] },
        files,
      );
      assert.equal((await images.ensure(own, QUIET, NEVER)).python.version, '3.11');
    } finally {
      for (const { key, owner } of await images.stored()) {
        if (owner === 'ours') await images.remove(key);
      }
      await docker.getImage(tag).remove({ force: true });
    }
  });
});
