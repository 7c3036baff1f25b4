/**
 * Cards by way of CDI, on an engine that has it. No machine of the tests has a card: the devices of the
 * specification are stand-ins, which the engine gives to containers as it would NVIDIA's.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Unavailable } from '../../scripts/lib/machine.mjs';
import { startDocker } from '../../scripts/docker/daemon.mjs';
import type { Gpu } from '../../runtime/protocol/methods';
import { errorOf, valueOf, type Harness } from '../runtime/scheduling/harness';
import { skipBecause } from '../support/skip';
import { CARDS, dockerApp, openDocker } from './support';

type TestDocker = Awaited<ReturnType<typeof startDocker>>;

/** What `nvidia-ctk cdi generate` writes of a card: its device node, and a variable that the driver's tools read. */
function specification(cards: readonly Gpu[]): string {
  return JSON.stringify({
    cdiVersion: '0.6.0',
    kind: 'nvidia.com/gpu',
    devices: cards.map(({ index, uuid }) => ({
      name: uuid,
      containerEdits: {
        env: [`STAND_IN_${index}=${uuid}`],
        deviceNodes: [{ path: `/dev/nvidia${index}`, hostPath: '/dev/null' }],
      },
    })),
  });
}

const SEEN = [
  'def seen():',
  '    import os',
  '    nodes = sorted(name for name in os.listdir("/dev") if name.startswith("nvidia"))',
  '    given = {name: os.environ[name] for name in os.environ if name.startswith("STAND_IN_")}',
  '    with open("/dev/" + nodes[0], "wb") as device:',
  '        device.write(b"works")',
  '    return [nodes, given]',
].join('\n');

describe('Cards that a Docker engine gives by way of CDI', function () {
  this.timeout(240_000);
  let folder: string;
  let engine: TestDocker | undefined;
  let docker: Harness;

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), 'velar-cdi-'));
    try {
      engine = await startDocker({
        newer: true,
        config: { features: { cdi: true }, 'cdi-spec-dirs': [folder] },
      });
    } catch (error) {
      if (error instanceof Unavailable) skipBecause(this, error.message);
      throw error;
    }
  });
  after(async () => {
    await engine?.stop();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    await writeFile(join(folder, 'nvidia.json'), specification(CARDS));
    docker = await openDocker({
      host: engine?.env['DOCKER_HOST'] ?? '',
      gpus: { gpus: CARDS, note: null, smi: null },
    });
  });
  afterEach(() => docker.close());

  it('are those that the runtime holds for the container, and no others', async () => {
    const both = await docker.bundle(dockerApp(SEEN, 'gpu="L4:2"'));
    const two = await docker.run(both, { qualname: 'seen' });
    await two.ended;
    assert.deepEqual(valueOf(two), [
      ['nvidia0', 'nvidia1'],
      { STAND_IN_0: CARDS[0]?.uuid, STAND_IN_1: CARDS[1]?.uuid },
    ]);
    const [held] = docker.service.containers();
    assert.ok(held);
    await docker.service.stopContainer(held.container);

    // The first card is taken by another app, so the second app gets the other one: never "the first".
    const holds = 'def hold():\n    import time\n    time.sleep(60)';
    const first = await docker.run(await docker.bundle(dockerApp(holds, 'gpu="L4"')), {
      qualname: 'hold',
    });
    await first.until((event) => event.type === 'phase' && event.phase === 'running');
    const [source = ''] = Object.values(dockerApp(SEEN, 'gpu="L4"'));
    const other = await docker.bundle({ 'app.py': source.replace('App("test")', 'App("other")') });
    const second = await docker.run(other, { qualname: 'seen' });
    await second.ended;
    assert.deepEqual(valueOf(second), [['nvidia1'], { STAND_IN_1: CARDS[1]?.uuid }]);
    docker.service.cancel(first.id);
    await first.ended;
  });

  it('are asked for by name; one that the specification lacks is named with the remedy', async () => {
    await writeFile(join(folder, 'nvidia.json'), specification(CARDS.slice(0, 1)));
    const run = await docker.run(await docker.bundle(dockerApp(SEEN, 'gpu="L4:2"')), {
      qualname: 'seen',
    });
    await run.ended;
    const { kind, message, hint } = errorOf(run);
    assert.equal(kind, 'infrastructure');
    assert.match(message, new RegExp(`nvidia.com/gpu=${CARDS[1]?.uuid}`));
    assert.match(hint ?? '', /nvidia-ctk cdi generate/);
  });
});
