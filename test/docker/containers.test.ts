import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { sha256Hex } from '../../runtime/protocol/bundles';
import type { Gpu } from '../../runtime/protocol/methods';
import { errorOf, phaseEnds, valueOf, type Harness } from '../runtime/scheduling/harness';
import { containersOf, dockerApp, dockerClient, openDocker } from './support';

/** How many containers of the harness's runtime have ended, as the engine says. */
async function deaths(docker: Harness): Promise<number> {
  const events = (await dockerClient().getEvents({
    since: 1,
    until: Date.now() / 1000,
    filters: {
      event: ['die'],
      label: [`velar.runtime=${docker.store.runtimeId}`, 'velar.container'],
    },
  })) as Readable;
  return (await text(events)).split('\n').filter((line) => line !== '').length;
}

describe('Containers of a real Docker engine', () => {
  let harness: Harness | undefined;
  const open = async (...args: Parameters<typeof openDocker>): Promise<Harness> => {
    harness = await openDocker(...args);
    return harness;
  };
  afterEach(async () => {
    const closing = harness;
    harness = undefined;
    await closing?.close();
    if (closing !== undefined) assert.deepEqual(await containersOf(closing), []);
  });

  it('runs a function, and keeps the container warm for the next call', async () => {
    const docker = await open();
    const bundle = await docker.bundle(
      dockerApp('def add(a, b):\n    print("adding")\n    return a + b'),
    );
    const first = await docker.run(bundle, { qualname: 'add' }, [1, 2]);
    await first.ended;
    assert.equal(valueOf(first), 3);
    assert.deepEqual(
      (await first.lines()).map((line) => line.text),
      ['adding'],
    );
    // The first use of an image looks for its Python; nothing was built, and that is what is said.
    assert.ok(
      first.events.some(
        (event) =>
          event.type === 'phase' && event.phase === 'image' && event.detail === 'image cached',
      ),
    );
    assert.deepEqual(phaseEnds(first).slice(0, 5), [
      'queued done',
      'provisioning skipped',
      'image done',
      'container done',
      'imports done',
    ]);
    const second = await docker.run(bundle, { qualname: 'add' }, [3, 4]);
    await second.ended;
    assert.equal(valueOf(second), 7);
    assert.deepEqual(phaseEnds(second).slice(1, 4), [
      'provisioning skipped',
      'image skipped',
      'container skipped',
    ]);
    assert.equal((await containersOf(docker)).length, 1);
  });

  it('gives the container nothing that it does not need', async () => {
    const docker = await open();
    const body = [
      'def look():',
      '    import os',
      '    status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)',
      '    def writable(path):',
      '        try:',
      '            open(os.path.join(path, "probe"), "w").close()',
      '            return True',
      '        except OSError:',
      '            return False',
      '    return [os.getuid(), status["CapEff"].strip(), status["NoNewPrivs"].strip(), os.getcwd().startswith("/velar/work"),',
      '        [path for path in ("/", "/usr", "/velar/python", "/velar/blobs", "/velar/link", "/tmp", os.environ["HOME"]) if writable(path)],',
      '        os.path.exists("/var/run/docker.sock")]',
    ].join('\n');
    const bundle = await docker.bundle(dockerApp(body, 'memory=256, cpu=1.5'));
    const run = await docker.run(bundle, { qualname: 'look' });
    await run.ended;
    const uid = process.getuid?.() === 0 ? 65534 : process.getuid?.();
    assert.deepEqual(valueOf(run), [
      uid,
      '0000000000000000',
      '1',
      true,
      ['/tmp', '/velar/home'],
      false,
    ]);
    // Read back from the engine, not from what was asked for.
    const [container] = await containersOf(docker);
    const { HostConfig, Config } = await dockerClient()
      .getContainer(container?.Id ?? '')
      .inspect();
    assert.deepEqual(HostConfig.CapDrop, ['ALL']);
    assert.deepEqual(HostConfig.SecurityOpt, ['no-new-privileges']);
    assert.equal(HostConfig.ReadonlyRootfs, true);
    assert.equal(HostConfig.Privileged, false);
    assert.equal(HostConfig.Init, true);
    assert.equal(HostConfig.Memory, 256 * 1024 * 1024);
    assert.equal(HostConfig.MemorySwap, 256 * 1024 * 1024);
    assert.equal(HostConfig.NanoCpus, 1_500_000_000);
    assert.equal(HostConfig.PidsLimit, 4096);
    assert.equal(Config.User, `${uid}:${uid === 65534 ? 65534 : process.getgid?.()}`);
  });

  it('starts from bytecode that is there already, in a folder that nothing of the function can write', async () => {
    const docker = await open();
    const body = [
      'def look():',
      '    import os, velar_worker.runner',
      '    cached = velar_worker.runner.__cached__',
      '    return [os.path.exists(cached), os.access(os.path.dirname(cached), os.W_OK)]',
    ].join('\n');
    const bundle = await docker.bundle(dockerApp(body));
    const run = await docker.run(bundle, { qualname: 'look' });
    await run.ended;
    assert.deepEqual(valueOf(run), [true, false]);
    assert.deepEqual(docker.warnings, []);
  });

  it('is gone for everybody who asked for its end, once the first has been told so', async () => {
    const docker = await open();
    const bundle = await docker.bundle(dockerApp('def one():\n    return 1'));
    const run = await docker.run(bundle, { qualname: 'one' });
    await run.ended;
    const [container] = docker.service.containers();
    assert.ok(container);
    const first = docker.service.stopContainer(container.container);
    await docker.service.stopContainer(container.container);
    assert.deepEqual(await containersOf(docker), []);
    await first;
  });

  it('lets a function read the sources of its own app and no others', async () => {
    const docker = await open();
    const body = (more: string): string =>
      [
        'def read(digest):',
        '    import os',
        '    blobs = [name for _, _, names in os.walk("/velar/blobs") for name in names]',
        `    return [digest in blobs, os.path.exists("/velar/blobs/" + digest[:2] + "/" + digest), ${more}]`,
      ].join('\n');
    const files = dockerApp(body('1'));
    const bundle = await docker.bundle(files);
    const other = (files['app.py'] ?? '').replace('velar.App("test")', 'velar.App("other")');
    const otherBundle = await docker.bundle({ 'app.py': other });
    const read = async (of: string, source: string): Promise<unknown> => {
      const run = await docker.run(of, { qualname: 'read' }, [sha256Hex(source)]);
      await run.ended;
      return valueOf(run);
    };
    assert.deepEqual(await read(otherBundle, other), [true, true, 1]);
    assert.deepEqual(await read(bundle, other), [false, false, 1]);
    // Changed code goes on arriving in the warm container.
    const changed = dockerApp(body('2'));
    const source = changed['app.py'] ?? '';
    assert.deepEqual(await read(await docker.bundle(changed), source), [true, true, 2]);
    assert.equal((await containersOf(docker)).length, 2);
    assert.equal((await readdir(join(docker.home, 'shares'))).length, 2);
    for (const { container } of docker.service.containers()) {
      await docker.service.stopContainer(container);
    }
    assert.deepEqual(await readdir(join(docker.home, 'shares')), []);
  });

  it('works without any network', async () => {
    const docker = await open({ network: 'none' });
    const body = [
      'def interfaces():',
      '    import socket',
      '    return sorted(name for _, name in socket.if_nameindex())',
    ].join('\n');
    const bundle = await docker.bundle(dockerApp(body));
    const run = await docker.run(bundle, { qualname: 'interfaces' });
    await run.ended;
    assert.ok(!(valueOf(run) as string[]).some((name) => name.startsWith('eth')));
  });

  it('tells a function that takes too much memory from one that was killed', async () => {
    const docker = await open();
    const greedy =
      'def work(how):\n    import os, signal\n    if how == "kill":\n        os.kill(os.getpid(), signal.SIGKILL)\n    return len(bytearray(400_000_000))';
    const bundle = await docker.bundle(dockerApp(greedy, 'memory=128'));
    const hungry = await docker.run(bundle, { qualname: 'work' }, ['eat']);
    await hungry.ended;
    assert.equal(errorOf(hungry).kind, 'oom');
    const killed = await docker.run(bundle, { qualname: 'work' }, ['kill']);
    await killed.ended;
    assert.notEqual(errorOf(killed).kind, 'oom');
  });

  it('says that memory ran out where the whole container was ended for it', async () => {
    const docker = await open();
    const body =
      'def fill():\n    with open("/tmp/file", "wb") as file:\n        while True:\n            file.write(bytes(1 << 20))';
    const bundle = await docker.bundle(dockerApp(body, 'memory=96'));
    const run = await docker.run(bundle, { qualname: 'fill' });
    await run.ended;
    assert.equal(errorOf(run).kind, 'oom');
    // Not a process of it: those its supervisor would have told of.
    assert.match(errorOf(run).message, /^The container ran out of memory, and the system ended it/);
    assert.equal(await deaths(docker), 1);
  });

  it('is not said to have run out of memory when it is killed after a function in it had', async () => {
    const docker = await open();
    const body = [
      'def work(how):',
      '    import time',
      '    if how == "eat":',
      '        return len(bytearray(400_000_000))',
      '    print("waiting", flush=True)',
      '    time.sleep(60)',
    ].join('\n');
    const bundle = await docker.bundle(dockerApp(body, 'memory=128'));
    const hungry = await docker.run(bundle, { qualname: 'work' }, ['eat']);
    await hungry.ended;
    assert.equal(errorOf(hungry).kind, 'oom');
    assert.equal(await deaths(docker), 0);
    const run = await docker.run(bundle, { qualname: 'work' }, ['wait']);
    await run.until((event) => event.type === 'phase' && event.phase === 'running');
    const [info] = await containersOf(docker);
    await dockerClient()
      .getContainer(info?.Id ?? '')
      .kill();
    await run.ended;
    assert.equal(errorOf(run).kind, 'infrastructure');
    assert.match(errorOf(run).message, /died \(killed by SIGKILL\)/);
  });

  it('names how a container ended that somebody killed, and starts another for the next run', async () => {
    const docker = await open();
    const body =
      'def wait(seconds):\n    import time\n    print("waiting", flush=True)\n    time.sleep(seconds)\n    return "slept"';
    const bundle = await docker.bundle(dockerApp(body));
    const run = await docker.run(bundle, { qualname: 'wait' }, [60]);
    await run.until((event) => event.type === 'phase' && event.phase === 'running');
    const [container] = await containersOf(docker);
    await dockerClient()
      .getContainer(container?.Id ?? '')
      .kill({ signal: 'SIGKILL' });
    await run.ended;
    assert.equal(errorOf(run).kind, 'infrastructure');
    assert.match(errorOf(run).message, /died \(killed by SIGKILL\)/);
    const next = await docker.run(bundle, { qualname: 'wait' }, [0]);
    await next.ended;
    assert.equal(valueOf(next), 'slept');
  });

  it('names the NVIDIA toolkit where Docker can give no card to a container', async () => {
    const card: Gpu = {
      index: 0,
      uuid: 'GPU-00000000-0000-0000-0000-000000000000',
      name: 'NVIDIA L4',
      model: 'L4',
      memoryTotalBytes: 24_000_000_000,
      memoryUsedBytes: 0,
    };
    const docker = await open({ gpus: { gpus: [card], note: null, smi: null } });
    const bundle = await docker.bundle(dockerApp('def work():\n    return 1', 'gpu="L4"'));
    const run = await docker.run(bundle, { qualname: 'work' });
    await run.ended;
    const { message, hint } = errorOf(run);
    assert.match(message, /can't give a GPU to a container/);
    assert.match(hint ?? '', /NVIDIA Container Toolkit.*nvidia-ctk runtime configure/);
  });

  it('removes what a crashed runtime left, and nothing else', async () => {
    const docker = await open();
    const client = dockerClient();
    const stray = await client.createContainer({
      Image: (await client.getImage('velar-test-base').inspect()).Id,
      Cmd: ['sleep', '60'],
      Labels: { 'velar.runtime': docker.store.runtimeId, 'velar.container': 'c-stray' },
    });
    const others = await client.createContainer({
      Image: 'velar-test-base',
      Cmd: ['sleep', '60'],
      Labels: { 'velar.runtime': 'rt-another' },
    });
    try {
      await Promise.all([stray.start(), others.start()]);
      const { home } = docker;
      assert.ok((await readFile(`${home}/velar.db`)).byteLength > 0);
      await docker.service.dispose();
      docker.store.close();
      harness = undefined;
      const again = await open({ home });
      assert.deepEqual(await containersOf(again), []);
      assert.equal((await others.inspect()).State.Running, true);
    } finally {
      await others.remove({ force: true });
    }
  });
});
