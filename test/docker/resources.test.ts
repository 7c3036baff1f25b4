import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { valueOf, type Harness, type WatchedRun } from '../runtime/scheduling/harness';
import { baseImage, containersOf, dockerApp, openDocker } from './support';

describe('What a container gets of the runtime', () => {
  let docker: Harness;
  beforeEach(async () => {
    docker = await openDocker();
  });
  afterEach(async () => {
    await docker.close();
    assert.deepEqual(await containersOf(docker), []);
  });

  async function run(files: Record<string, string>, qualname: string): Promise<WatchedRun> {
    const started = await docker.run(await docker.bundle(files), { qualname });
    await started.ended;
    return started;
  }

  /** Ends the warm container, so that the next run has another. */
  async function stopContainer(): Promise<void> {
    const [container] = docker.service.containers();
    await docker.service.stopContainer(container?.container ?? '');
  }

  it('has secrets in its environment, and neither the run nor the engine shows them', async () => {
    docker.store.secrets.set('hf', { TOKEN: 'named-secret-value' });
    const body = [
      'def tell():',
      '    import os',
      '    print("token", os.environ["TOKEN"])',
      '    return os.environ["TOKEN"][::-1]',
    ].join('\n');
    const told = await run(dockerApp(body, 'secrets=[velar.Secret.from_name("hf")]'), 'tell');
    assert.equal(valueOf(told), 'eulav-terces-deman');
    const lines = (await told.lines()).map(({ text }) => text);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /^token /);
    assert.ok(!JSON.stringify([lines, told.events]).includes('named-secret-value'));
    // What `docker inspect` tells everybody who may ask the engine.
    assert.ok(!JSON.stringify(await containersOf(docker)).includes('named-secret-value'));
  });

  it('shares a volume with the containers that come after it, and with the runtime', async () => {
    const files = {
      'app.py': [
        'import os',
        'import velar',
        `image = velar.Image.from_registry(${JSON.stringify(baseImage())})`,
        'app = velar.App("test")',
        'data = velar.Volume.from_name("counts")',
        '@app.function(image=image, volumes={"/data": data})',
        'def count():',
        '    path = os.path.join(data.path, "count")',
        '    n = int(open(path).read()) if os.path.exists(path) else 0',
        '    open(path, "w").write(str(n + 1))',
        '    return [path, n, os.environ["HOSTNAME"]]',
      ].join('\n'),
    };
    const first = valueOf(await run(files, 'count')) as [string, number, string];
    await stopContainer();
    const second = valueOf(await run(files, 'count')) as [string, number, string];
    assert.notEqual(second[2], first[2]);
    assert.deepEqual(
      [first.slice(0, 2), second.slice(0, 2)],
      [
        ['/data/count', 0],
        ['/data/count', 1],
      ],
    );
    const kept = join(docker.home, 'volumes', 'counts', 'count');
    assert.equal(readFileSync(kept, 'utf8'), '2');
  });

  it('keeps downloaded models for the functions of every app', async () => {
    const body = (lines: string[]): string => ['def work():', '    import os', ...lines].join('\n');
    const download = body([
      '    for name in ("HF_HOME", "TORCH_HOME"):',
      '        os.makedirs(os.environ[name], exist_ok=True)',
      '        open(os.path.join(os.environ[name], "model"), "w").write(name)',
      '    return os.environ["HF_HOME"] != os.environ["TORCH_HOME"]',
    ]);
    assert.equal(valueOf(await run(dockerApp(download), 'work')), true);
    await stopContainer();
    const load = body([
      '    return [open(os.path.join(os.environ[name], "model")).read() for name in ("HF_HOME", "TORCH_HOME")]',
    ]);
    const other = dockerApp(load)['app.py']?.replace('velar.App("test")', 'velar.App("other")');
    assert.deepEqual(valueOf(await run({ 'app.py': other ?? '' }, 'work')), [
      'HF_HOME',
      'TORCH_HOME',
    ]);
  });
});
