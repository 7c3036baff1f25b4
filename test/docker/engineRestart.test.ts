import assert from 'node:assert/strict';
import { startDocker } from '../../scripts/docker/daemon.mjs';
import { errorOf, valueOf, type Harness } from '../runtime/scheduling/harness';
import { containersOf, dockerApp, dockerClient, openDocker } from './support';

type TestDocker = Awaited<ReturnType<typeof startDocker>>;

describe('A Docker engine that is restarted in mid-run', () => {
  let engine: TestDocker | undefined;
  before(async () => {
    engine = await startDocker();
  });
  let docker: Harness | undefined;
  after(async () => {
    await docker?.close();
    await engine?.stop();
  });

  it('fails the run and says why; the next one works, and nothing is left behind', async () => {
    assert.ok(engine);
    const host = engine.env['DOCKER_HOST'] ?? '';
    docker = await openDocker({ host });
    const body = 'def wait(seconds):\n    import time\n    time.sleep(seconds)\n    return "slept"';
    const bundle = await docker.bundle(dockerApp(body));
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
});
