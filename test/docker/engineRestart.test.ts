import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDocker } from '../../scripts/docker/daemon.mjs';
import { checkDocker } from '../../runtime/engines/docker/check';
import { errorOf, valueOf, type Harness } from '../runtime/scheduling/harness';
import { TcpProxy } from '../support/tcpProxy';
import { containersOf, dockerApp, dockerClient, openDocker } from './support';

type TestDocker = Awaited<ReturnType<typeof startDocker>>;

const BODY = 'def wait(seconds):\n    import time\n    time.sleep(seconds)\n    return "slept"';

describe('A Docker engine that is restarted', () => {
  let engine: TestDocker | undefined;
  before(async () => {
    engine = await startDocker();
  });
  let docker: Harness | undefined;
  afterEach(async () => {
    await docker?.close();
    docker = undefined;
  });
  after(() => engine?.stop());

  it('fails a run that was going on and says why; the next one works, and nothing is left behind', async () => {
    assert.ok(engine);
    const host = engine.env['DOCKER_HOST'] ?? '';
    docker = await openDocker({ host });
    const bundle = await docker.bundle(dockerApp(BODY));
    const run = await docker.run(bundle, { qualname: 'wait' }, [60]);
    await run.until((event) => event.type === 'phase' && event.phase === 'running');
    await engine.restart();
    await run.ended;
    assert.equal(errorOf(run).kind, 'infrastructure');
    assert.match(errorOf(run).message, /stopped from outside/);
    const next = await docker.run(bundle, { qualname: 'wait' }, [0]);
    await next.ended;
    assert.equal(valueOf(next), 'slept');
    assert.equal((await containersOf(docker, dockerClient(host))).length, 1);
    const closing = docker;
    docker = undefined;
    await closing.close();
    assert.deepEqual(await containersOf(closing, dockerClient(host)), []);
  });

  it('says what to do while it is stopped, and works once it is started again', async () => {
    assert.ok(engine);
    const host = engine.env['DOCKER_HOST'] ?? '';
    const opened = await openDocker({ host });
    docker = opened;
    const known = await opened.bundle(dockerApp(BODY));
    await (
      await opened.run(known, { qualname: 'wait' }, [0])
    ).ended;
    await engine.halt();
    await opened.containersUntil((containers) => containers.length === 0);
    // What was planned before fails as its image is looked for, what is new as it is planned.
    const another = await opened.bundle(dockerApp(`${BODY}\n# another`, 'memory=200'));
    for (const bundle of [known, another]) {
      const run = await opened.run(bundle, { qualname: 'wait' }, [0]);
      await run.ended;
      assert.equal(errorOf(run).kind, 'infrastructure');
      assert.match(errorOf(run).message, /^There is no Docker engine at .*docker\.sock\.$/);
      assert.match(errorOf(run).hint ?? '', /^Start it with `sudo systemctl start docker`/);
      const doctor = await checkDocker({ DOCKER_HOST: host }, true);
      assert.equal(doctor.detail, errorOf(run).message);
      assert.equal(doctor.remedy, errorOf(run).hint);
    }
    await engine.resume();
    for (const bundle of [known, another]) {
      const run = await opened.run(bundle, { qualname: 'wait' }, [0]);
      await run.ended;
      assert.equal(valueOf(run), 'slept');
    }
  });
});

describe('A Docker engine that hung up on the runtime', () => {
  let folder: string;
  let engine: TcpProxy;
  let docker: Harness | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'velar-hangup-'));
    const target = (process.env['DOCKER_HOST'] ?? '').replace('unix://', '');
    engine = await TcpProxy.startUnix(join(folder, 'docker.sock'), target);
    docker = await openDocker({ host: `unix://${folder}/docker.sock` });
  });
  afterEach(async () => {
    await docker?.close();
    docker = undefined;
    await engine.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('keeps no container once the runtime is closed, even where nothing ran in between', async () => {
    const closing = docker;
    assert.ok(closing);
    const run = await closing.run(await closing.bundle(dockerApp(BODY)), { qualname: 'wait' }, [0]);
    await run.ended;
    engine.refuse(true);
    await closing.containersUntil((containers) => containers.length === 0);
    const meanwhile = await closing.run(
      await closing.bundle(dockerApp(BODY)),
      { qualname: 'wait' },
      [0],
    );
    await meanwhile.ended;
    assert.match(errorOf(meanwhile).message, /The Docker engine at .*docker\.sock went away/);
    assert.match(errorOf(meanwhile).hint ?? '', /sudo systemctl start docker/);
    engine.refuse(false);
    // The engine has it still.
    assert.equal((await containersOf(closing)).length, 1);
    docker = undefined;
    await closing.close();
    assert.deepEqual(await containersOf(closing), []);
  });
});
