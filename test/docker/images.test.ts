import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { DockerImages, type DockerImagePlan } from '../../runtime/images/docker/dockerImages';
import type { ImageBase, ImageLayer } from '../../runtime/protocol/description';
import { filesOf } from '../support/bundleFiles';
import { engineEvents, failure, listening, NEVER, printed, QUIET, wheel } from './imageSupport';
import { baseImage, dockerClient } from './support';

const PLACE = { file: 'app.py', line: 7 };

describe('Docker images', function () {
  this.timeout(180_000);
  const docker = dockerClient();
  let folder: string;
  let images: DockerImages;
  const made = new Set<string>();
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'velar-docker-images-'));
    images = open();
  });
  afterEach(async () => {
    await images.dispose();
    for (const { key } of await own()) await images.remove(key);
    for (const tag of made) await docker.getImage(tag).remove({ force: true });
    made.clear();
    await rm(folder, { recursive: true, force: true });
  });

  const own = async () => (await images.stored()).filter(({ owner }) => owner !== 'others');

  function open(environment: Record<string, string> = {}, client = docker): DockerImages {
    return new DockerImages({
      docker: client,
      folder: join(folder, 'docker'),
      environment: { ...process.env, DOCKER_CONFIG: folder, ...environment },
      runtime: 'rt-test',
      labels: {},
      user: '65534:65534',
      pythonVersion: async () => Promise.resolve('3.11'),
    });
  }

  function plan(
    layers: ImageLayer[],
    files: Record<string, string | Buffer> = {},
    base: ImageBase = { kind: 'registry', tag: baseImage() },
  ): Promise<DockerImagePlan> {
    return images.plan({ base, layers }, filesOf(files));
  }

  const run = (command: string): ImageLayer => ({ kind: 'run', commands: [command], ...PLACE });

  it('build behind the proxies of the Docker client, which leave no trace in the image', async () => {
    const command = run(`echo "proxy is $HTTP_PROXY"; env > /dev/null`);
    const plain = await plan([command]);
    await writeFile(
      join(folder, 'config.json'),
      JSON.stringify({ proxies: { default: { httpProxy: 'http://127.0.0.1:9' } } }),
    );
    images = open();
    const heard = listening();
    const wanted = await plan([command]);
    assert.equal(wanted.key, plain.key);
    const ready = await images.ensure(wanted, heard.listener, NEVER);
    assert.match(heard.output(), /proxy is http:\/\/127\.0\.0\.1:9/);
    const { Config } = await docker.getImage(ready.id).inspect();
    assert.ok(!JSON.stringify(Config).includes('127.0.0.1:9'));
  });

  it('build layer by layer, with their steps as progress and their output in the log', async () => {
    const heard = listening();
    const wanted = await plan(
      [
        { kind: 'env', variables: { GREETING: 'hello there' } },
        { kind: 'workdir', path: '/srv/my app' },
        run('echo "$GREETING from $(pwd)" | tee said'),
        { kind: 'localFile', source: 'a.txt', target: '/data/b.txt' },
        { kind: 'localDir', source: 'lib', target: '/data/lib' },
      ],
      { 'a.txt': 'alpha', 'lib/x/one.py': 'ONE = 1\n', 'lib/two.py': 'TWO = 2\n' },
    );
    const ready = await images.ensure(wanted, heard.listener, NEVER);
    assert.equal(ready.cached, false);
    assert.deepEqual(ready.python, { executable: 'python3', version: '3.11' });
    assert.match(heard.output(), /^hello there from \/srv\/my app$/m);
    assert.ok(
      heard.progress.some((detail) => /^step 4 of 6 · echo "\$GREETING/.test(detail)),
      heard.progress.join('\n'),
    );
    const command = [
      '/bin/sh',
      '-c',
      'cat said /data/b.txt; cd /data/lib && find . -type f | sort',
    ];
    const text = await printed(docker, ready.id, command);
    assert.equal(text, 'hello there from /srv/my app\nalpha./two.py\n./x/one.py\n');
    const inspected = await docker.getImage(ready.id).inspect();
    assert.equal(inspected.Config.Labels?.['velar.image'], wanted.key);
    assert.equal(images.isReady(wanted), true);
  });

  it('are there the next time: no build, no pull, no container, whatever line they moved to', async () => {
    const layers = (line: number): ImageLayer[] => [{ ...run('echo 1 > /one'), line }];
    const first = await images.ensure(await plan(layers(7)), QUIET, NEVER);
    images = open();
    const heard = listening();
    const again = await plan(layers(70));
    const [ready, events] = await engineEvents(docker, () =>
      images.ensure(again, heard.listener, NEVER),
    );
    assert.deepEqual(ready, { ...first, cached: true });
    assert.deepEqual(events, []);
    assert.deepEqual(heard.progress, []);
    // Even where the base has gone from the engine's names since.
    const base = 'velar-test-renamed:1';
    await docker.getImage(baseImage()).tag({ repo: 'velar-test-renamed', tag: '1' });
    made.add(base);
    const named = (): Promise<DockerImagePlan> =>
      plan(layers(7), {}, { kind: 'registry', tag: base });
    const built = await images.ensure(await named(), QUIET, NEVER);
    await docker.getImage(base).remove();
    made.delete(base);
    assert.deepEqual(await images.ensure(await named(), QUIET, NEVER), { ...built, cached: true });
  });

  it('rebuild only from the layer that changed on, and files of the workspace last', async () => {
    const layers = (last: string): ImageLayer[] => [
      { kind: 'localFile', source: 'app.py', target: '/app/app.py' },
      pip('velartestpkg'),
      run(`echo ${last}`),
    ];
    const files = { 'app.py': '1', 'wheels/velartestpkg-1.0-py3-none-any.whl': await wheel() };
    const withWheels = (last: string, app: string): Promise<DockerImagePlan> =>
      plan(
        [
          { kind: 'localDir', source: 'wheels', target: '/wheels' },
          { kind: 'env', variables: { PIP_FIND_LINKS: '/wheels', PIP_NO_INDEX: '1' } },
          ...layers(last),
        ],
        { ...files, 'app.py': app },
      );
    const first = listening();
    await images.ensure(await withWheels('one', '1'), first.listener, NEVER);
    assert.match(first.output(), /Successfully installed velartestpkg-1\.0/);
    assert.ok(
      first.progress.some((detail) => /^step 4 of 6 · (reading|installing) velartest/.test(detail)),
      first.progress.join('\n'),
    );
    const cachedSteps = async (wanted: DockerImagePlan): Promise<string[]> => {
      const heard = listening();
      assert.equal((await images.ensure(wanted, heard.listener, NEVER)).cached, false);
      const steps = heard.progress.filter((detail) => detail.endsWith(' · cached'));
      return steps.map((detail) => detail.split(' of ')[0] ?? '');
    };
    assert.deepEqual(await cachedSteps(await withWheels('two', '1')), [
      'step 2',
      'step 3',
      'step 4',
      'step 5',
    ]);
    // The file comes behind the install, though the chain names it first.
    assert.deepEqual(await cachedSteps(await withWheels('two', '2')), [
      'step 2',
      'step 3',
      'step 4',
    ]);
  });

  it("that fail show the user's line, the command and what pip said", async () => {
    const heard = listening();
    const wanted = await plan([
      { kind: 'env', variables: { PIP_NO_INDEX: '1' } },
      { kind: 'pip', packages: ['velar-no-such-package'], file: 'app.py', line: 12 },
    ]);
    const error = await failure(images.ensure(wanted, heard.listener, NEVER));
    assert.equal(error.kind, 'image');
    assert.equal(error.type, 'PipInstallFailed');
    assert.match(
      error.message,
      /^Installing velar-no-such-package failed: No matching dist|Could not/,
    );
    assert.deepEqual(error.traceback, [{ file: 'app.py', line: 12, function: 'image' }]);
    assert.match(
      error.text ?? '',
      /ERROR: No matching distribution found for velar-no-such-package/,
    );
    assert.match(heard.output(), /ERROR: No matching distribution/);
    assert.equal(images.isReady(wanted), false);
    assert.deepEqual(await own(), []);
    const command = await failure(
      images.ensure(await plan([run('echo why >&2; exit 3')]), QUIET, NEVER),
    );
    assert.match(command.message, /`echo why >&2; exit 3` ended with exit code 3: why/);
    assert.deepEqual(command.traceback, [{ ...PLACE, function: 'image' }]);
  });

  it('hold values just as they were written', async () => {
    const hostile = `a"b'c$HOME \\ \n\${PATH} <<EOF\n# é\u2028$(id) \`id\` \\`;
    const line = hostile.replaceAll('\n', ' ');
    const wanted = await plan(
      [
        { kind: 'env', variables: { LINE: line, LINES: hostile } },
        { kind: 'workdir', path: `/srv ${line}` },
        run(`printf %s "$LINES" > lines; printf '%s' '${hostile.replaceAll("'", "'\\''")}' > said`),
        { kind: 'localFile', source: 'a [x] $y *', target: `/data/${line}/${line}` },
      ],
      { 'a [x] $y *': 'alpha' },
    );
    const { id } = await images.ensure(wanted, QUIET, NEVER);
    const script = `cat lines; echo; cat said; echo; printf '%s\\n' "$LINE" "$(pwd)"; cat "/data/$LINE/$LINE"`;
    const text = await printed(docker, id, ['/bin/sh', '-c', script]);
    assert.equal(text, [hostile, hostile, line, `/srv ${line}`, 'alpha'].join('\n'));
    assert.equal(wanted.environment['LINES'], hostile);
  });

  it('are built once for two who want the same', async () => {
    const layers = [run('echo once; sleep 0.2')];
    const [[one, two], events] = await engineEvents(docker, async () =>
      Promise.all([
        images.ensure(await plan(layers), QUIET, NEVER),
        images.ensure(await plan(layers), QUIET, NEVER),
      ]),
    );
    assert.equal(one.id, two.id);
    // Its name, and this runtime's claim.
    assert.equal(events.filter((event) => event === 'image tag').length, 2, events.join('\n'));
  });

  it('end with their build when everybody has left, and nothing is tagged', async () => {
    const abort = new AbortController();
    const wanted = await plan([run('sleep 600')]);
    const started = new Promise<void>((resolve) => {
      const listener = {
        progress: () => undefined,
        output: (text: string) => void (text.includes('sleep 600') && resolve()),
      };
      images.ensure(wanted, listener, abort.signal).catch(() => undefined);
    });
    await started;
    const stream = (await docker.getEvents({
      filters: { type: ['container'], event: ['start', 'die'] },
    })) as Readable;
    const seen: string[] = [];
    for await (const chunk of stream) {
      for (const line of String(chunk).trim().split('\n')) {
        seen.push((JSON.parse(line) as { Action: string }).Action);
      }
      if (seen.at(-1) === 'start') abort.abort();
      if (seen.includes('die')) break;
    }
    assert.deepEqual(seen, ['start', 'die']);
    await images.dispose();
    assert.deepEqual(await own(), []);
  });

  it('end while their files are still on the way to the engine', async () => {
    const abort = new AbortController();
    const endless = new Readable({
      read() {
        abort.abort();
        this.push(Buffer.alloc(64 * 1024));
      },
    });
    const size = 8 * 1024 ** 3;
    const entry = { path: 'big', sha256: 'b'.repeat(64), size, mode: 0o644 };
    const files = { ...filesOf({}), list: () => [entry], open: () => endless };
    const base: ImageBase = { kind: 'registry', tag: baseImage() };
    const layers: ImageLayer[] = [{ kind: 'localFile', source: 'big', target: '/big' }];
    const wanted = await images.plan({ base, layers }, files);
    await assert.rejects(images.ensure(wanted, QUIET, abort.signal), /Cancelled/);
    await images.dispose();
    assert.equal(endless.destroyed, true);
  });

  it('are listed and removed where they are ours, never those of others nor one in use', async () => {
    const ready = await images.ensure(
      await plan([run('head -c 3000000 /dev/zero > /z')]),
      QUIET,
      NEVER,
    );
    const [listed] = await own();
    assert.ok(listed !== undefined);
    assert.match(listed.label, /^velar-test-base.* · head -c 3000000/);
    assert.ok(listed.bytes >= 3_000_000 && listed.bytes < 4_000_000, String(listed.bytes));
    assert.ok(Math.abs(Date.now() - listed.lastUsedAt) < 60_000);
    // Somebody's own image FROM ours has our labels.
    const child = await docker.createContainer({ Image: ready.id, Cmd: ['true'] });
    await child.commit({ repo: 'velar-test-of-others', tag: '1' });
    made.add('velar-test-of-others:1');
    assert.deepEqual(
      (await own()).map(({ key, inUse }) => [key, inUse]),
      [[listed.key, true]],
    );
    await assert.rejects(images.remove(listed.key), /in use/);
    await child.remove();
    await images.remove(listed.key);
    assert.deepEqual(await own(), []);
    await docker.getImage('velar-test-of-others:1').inspect();
    await assert.rejects(images.remove(listed.key), /There is no image/);
  });

  it('of a Dockerfile of the workspace are built with its files, layers on top', async () => {
    const dockerfile = `ARG BASE=${baseImage()}\nFROM \${BASE}\nWORKDIR /w\nCOPY . .\nUSER 1000\n`;
    const wanted = await plan(
      [run('id -u > /tmp/who')],
      {
        'docker/Dockerfile': dockerfile,
        'kept.txt': 'k',
        'left.txt': 'l',
        '.dockerignore': 'left.txt\n',
      },
      { kind: 'dockerfile', path: 'docker/Dockerfile' },
    );
    const { id } = await images.ensure(wanted, QUIET, NEVER);
    const script = 'find /w -type f | sort; cat /tmp/who';
    const text = await printed(docker, id, ['/bin/sh', '-c', script]);
    assert.equal(text, '/w/docker/Dockerfile\n/w/kept.txt\n1000\n');
    const broken = await plan(
      [],
      { Dockerfile: `FROM ${baseImage()}\n\nRUN echo 1 && \\\n  exit 5\n` },
      { kind: 'dockerfile', path: 'Dockerfile' },
    );
    const error = await failure(images.ensure(broken, QUIET, NEVER));
    assert.match(error.message, /`RUN echo 1 && exit 5` ended with exit code 5/);
    assert.deepEqual(error.traceback, [{ file: 'Dockerfile', line: 3, function: 'image' }]);
  });

  it('without a Python are refused, with what to do', async () => {
    const without = await plan(
      [],
      { Dockerfile: `FROM ${baseImage()}\nRUN rm -f /usr/bin/python3*\n` },
      { kind: 'dockerfile', path: 'Dockerfile', ...PLACE },
    );
    const error = await failure(images.ensure(without, QUIET, NEVER));
    assert.equal(error.type, 'ImageWithoutPython');
    assert.match(error.message, /^Dockerfile has no Python 3\.8 or newer: python3 is not there/);
    assert.deepEqual(error.traceback, [{ ...PLACE, function: 'image' }]);
    const left = await docker.listContainers({ all: true, filters: { label: ['velar.check'] } });
    assert.deepEqual(left, []);
  });

  it('are looked into by a container that can do no more than those of functions', async () => {
    const client = dockerClient();
    const create = client.createContainer.bind(client);
    const looked: Docker.ContainerInspectInfo[] = [];
    client.createContainer = async (options: Docker.ContainerCreateOptions) => {
      const container = await create(options);
      looked.push(await container.inspect());
      return container;
    };
    images = open({}, client);
    await images.ensure(await plan([run('echo looked > /into')]), QUIET, NEVER);
    const [{ Config, HostConfig }] = looked as [Docker.ContainerInspectInfo];
    assert.equal(looked.length, 1);
    assert.deepEqual(
      [Config.User, HostConfig.NetworkMode, HostConfig.CapDrop, HostConfig.SecurityOpt],
      ['65534:65534', 'none', ['ALL'], ['no-new-privileges']],
    );
    assert.deepEqual([HostConfig.ReadonlyRootfs, HostConfig.MemorySwap], [true, HostConfig.Memory]);
    assert.ok((HostConfig.PidsLimit ?? 0) > 0 && (HostConfig.Memory ?? 0) > 0);
  });

  it('that fail to be built leave steps for the next try, which go once they are old', async () => {
    const filters = { dangling: ['true'] };
    const steps = async (): Promise<number> => (await docker.listImages({ filters })).length;
    await images.removeLeftovers(0);
    const before = await steps();
    // Somebody's own, without a name.
    const other = await docker.createContainer({ Image: baseImage(), Cmd: ['true'] });
    const { Id } = (await other.commit({})) as { Id: string };
    await other.remove();
    const good = run('head -c 3000000 /dev/zero > /left');
    await failure(images.ensure(await plan([good, run('exit 3')]), QUIET, NEVER));
    assert.equal(await steps(), before + 2);
    assert.equal(await images.removeLeftovers(3_600_000), 0);
    const heard = listening();
    await images.ensure(await plan([good, run('exit 0')]), heard.listener, NEVER);
    assert.ok(heard.progress.includes('step 2 of 3 · cached'), heard.progress.join('\n'));
    await failure(images.ensure(await plan([run('echo 1 > /other'), run('exit 3')]), QUIET, NEVER));
    assert.equal(await steps(), before + 2);
    await images.removeLeftovers(0);
    assert.equal(await steps(), before + 1, 'what is of others stays');
    made.add(Id);
  });

  it('that need no layer are used as they are', async () => {
    const wanted = await plan([{ kind: 'env', variables: { A: '1' } }]);
    const [ready, events] = await engineEvents(docker, () => images.ensure(wanted, QUIET, NEVER));
    assert.equal(ready.id, (await docker.getImage(baseImage()).inspect()).Id);
    assert.deepEqual(wanted.environment, { A: '1' });
    assert.ok(!events.some((event) => event.startsWith('image')), events.join('\n'));
    assert.equal((await images.ensure(wanted, QUIET, NEVER)).cached, true);
  });
});

const pip = (...packages: string[]): ImageLayer => ({ kind: 'pip', packages, ...PLACE });
