import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceRequest, type EngineDevices } from '../../runtime/engines/docker/deviceRequest';
import { startFailure } from '../../runtime/engines/docker/failures';
import { errorOf, type Harness, type WatchedRun } from '../runtime/scheduling/harness';
import { baseImage, CARDS, containersOf, dockerApp, dockerClient, openDocker } from './support';

/**
 * Relays to the suite's engine and adds CDI devices to what it says of itself: it is older than that.
 * Keeps the device requests of what is created.
 */
class CdiRelay {
  devices: string[] = [];
  readonly asked: unknown[] = [];
  private constructor(
    private readonly server: Server,
    readonly folder: string,
    private readonly engine: string,
  ) {
    server.on('request', (incoming: IncomingMessage, response) => {
      void this.relay(incoming).then(
        ({ status, body }) => {
          response.writeHead(status, { 'content-type': 'application/json' }).end(body);
        },
        () => response.destroy(),
      );
    });
  }

  static async open(): Promise<CdiRelay> {
    const folder = await mkdtemp(join(tmpdir(), 'velar-relay-'));
    const engine = (process.env['DOCKER_HOST'] ?? '').replace('unix://', '');
    const relay = new CdiRelay(createServer(), folder, engine);
    await new Promise<void>((resolve) => relay.server.listen(relay.socket, resolve));
    return relay;
  }

  get socket(): string {
    return join(this.folder, 'docker.sock');
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await rm(this.folder, { recursive: true });
  }

  private async relay(incoming: IncomingMessage): Promise<{ status: number; body: string }> {
    const sent = await bodyOf(incoming);
    const { method, url: path = '', headers } = incoming;
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { socketPath: this.engine, method, path, headers };
      request(options, resolve).on('error', reject).end(sent);
    });
    let body = await bodyOf(answer);
    if (path.includes('/containers/create')) {
      const created = JSON.parse(sent) as { HostConfig?: { DeviceRequests?: unknown[] } };
      this.asked.push(...(created.HostConfig?.DeviceRequests ?? []));
    }
    if (path.endsWith('/version'))
      body = JSON.stringify({ ...JSON.parse(body), ApiVersion: '1.50' });
    if (path.endsWith('/info')) {
      const DiscoveredDevices = this.devices.map((ID) => ({ Source: 'cdi', ID }));
      body = JSON.stringify({ ...JSON.parse(body), CDISpecDirs: ['/etc/cdi'], DiscoveredDevices });
    }
    return { status: answer.statusCode ?? 500, body };
  }
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

describe('Device requests of a real Docker engine', () => {
  const all: EngineDevices = { runtimes: ['nvidia'], cdiDevices: [], cardsApart: false };
  const byId: EngineDevices = { ...all, cardsApart: true };
  const byCdi: EngineDevices = { runtimes: [], cdiDevices: ['nvidia.com/gpu=1'], cardsApart: true };

  for (const [form, engine, cards, kept, refused] of [
    ['by id', byId, CARDS.slice(1), { Count: 0, DeviceIDs: [CARDS[1]?.uuid] }, /driver "nvidia"/],
    ['all', all, CARDS, { Count: -1, DeviceIDs: null }, /driver "nvidia"/],
    ['by CDI name', byCdi, CARDS.slice(1), { DeviceIDs: ['nvidia.com/gpu=1'] }, /driver "cdi"/],
  ] as const) {
    it(`keeps what is asked ${form}, and says at the start that it has no such driver`, async () => {
      const asked = deviceRequest(cards, cards.length === CARDS.length, engine);
      const container = await dockerClient().createContainer({
        Image: baseImage(),
        Cmd: ['true'],
        HostConfig: { DeviceRequests: [asked] },
      });
      try {
        const { HostConfig } = await container.inspect();
        const [read] = HostConfig.DeviceRequests ?? [];
        assert.deepEqual({ ...read, ...kept }, read);
        assert.equal(read?.Driver, asked.Driver);
        assert.deepEqual(read?.Capabilities ?? undefined, asked.Capabilities);
        await assert.rejects(container.start(), (error) => {
          assert.match(startFailure(error).message, refused);
          assert.match(startFailure(error).hint ?? '', /NVIDIA Container Toolkit/);
          return true;
        });
      } finally {
        await container.remove({ force: true });
      }
    });
  }
});

describe('Cards by way of CDI', () => {
  let relay: CdiRelay;
  let docker: Harness;
  beforeEach(async () => {
    relay = await CdiRelay.open();
    docker = await openDocker({
      host: `unix://${relay.socket}`,
      gpus: { gpus: CARDS, note: null, smi: null },
    });
  });
  afterEach(async () => {
    await docker.close();
    await relay.close();
  });

  const run = async (options: string): Promise<WatchedRun> => {
    const bundle = await docker.bundle(dockerApp('def work():\n    return 1', options));
    const started = await docker.run(bundle, { qualname: 'work' });
    await started.ended;
    return started;
  };

  it('names the device that is missing, and creates nothing', async () => {
    relay.devices = ['nvidia.com/gpu=0', 'example.com/other=1'];
    const { message, hint } = errorOf(await run('gpu="L4:2"'));
    assert.match(
      message,
      /no CDI device for card 1 \(NVIDIA L4, GPU-0.*\); it knows nvidia\.com\/gpu=0\./,
    );
    assert.match(hint ?? '', /nvidia-ctk cdi generate/);
    assert.deepEqual(relay.asked, []);
    assert.deepEqual(await containersOf(docker), []);
  });

  it('asks for a device of a specification that was written while the runtime is up', async () => {
    await run('gpu="L4"');
    assert.equal((relay.asked[0] as { Driver: string }).Driver, 'nvidia');
    relay.devices = ['nvidia.com/gpu=0', 'nvidia.com/gpu=1'];
    const { message } = errorOf(await run('gpu="L4:2"'));
    assert.deepEqual(relay.asked[1], {
      Driver: 'cdi',
      DeviceIDs: ['nvidia.com/gpu=0', 'nvidia.com/gpu=1'],
    });
    // The suite's engine is asked, and has no CDI.
    assert.match(message, /can't give a GPU to a container.*driver "cdi"/);
  });
});
