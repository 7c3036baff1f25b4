import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { createServer as createHttpServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectDocker, socketOf } from '../../runtime/engines/docker/connect';
import { VelarError } from '../../runtime/protocol/errors';
import { dockerClient } from './support';

describe('Finding the Docker engine', () => {
  let folder: string;
  const servers: Server[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'velar-connect-'));
  });
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Answers as an engine of that version would what an engine says of itself, and nothing else. */
  const standIn = async (version: object, info: object = {}): Promise<string> => {
    const path = join(folder, 'stand-in.sock');
    const server = createHttpServer((request, response) => {
      const body = request.url?.includes('version') ? version : { MemTotal: 1, NCPU: 1, ...info };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    servers.push(server);
    return `unix://${path}`;
  };

  const failure = async (environment: Record<string, string>): Promise<VelarError> => {
    try {
      await connectDocker(environment);
    } catch (error) {
      assert.ok(error instanceof VelarError);
      return error;
    }
    throw new Error('It connected.');
  };

  it('connects and reads what the engine says of itself', async () => {
    const host = await connectDocker({ DOCKER_HOST: process.env['DOCKER_HOST'] });
    const version = await dockerClient().version();
    assert.equal(host.version, version.Version);
    assert.equal(host.api, version.ApiVersion);
    assert.ok(host.memoryBytes > 0 && host.cpus > 0);
    assert.ok(host.devices.runtimes.includes('runc'));
  });

  it('names the remedy where no engine is installed', async () => {
    const error = await failure({ DOCKER_HOST: `unix://${folder}/none.sock` });
    assert.equal(error.code, 'unreachable');
    assert.match(
      `${error.message} ${error.hint ?? ''}`,
      /no Docker engine.*systemctl start docker/,
    );
  });

  it('names the remedy where the engine is stopped', async () => {
    const path = join(folder, 'docker.sock');
    // A process that ends leaves its socket behind: nobody listens there any more.
    const script = `import socket; s=socket.socket(socket.AF_UNIX); s.bind(${JSON.stringify(path)})`;
    execFileSync('python3', ['-c', script]);
    const error = await failure({ DOCKER_HOST: `unix://${path}` });
    assert.match(error.message, /is stopped/);
  });

  it('names the remedy where the engine is too old', async () => {
    const host = await standIn({ Version: '19.03.1', ApiVersion: '1.40' });
    const error = await failure({ DOCKER_HOST: host });
    assert.equal(error.code, 'unsupported');
    assert.match(error.message, /19\.03\.1 is too old/);
  });

  it('sees whether an engine that lists no CDI devices has a specification of them', async () => {
    const specifications = join(folder, 'cdi');
    const host = await standIn(
      { Version: '25.0.0', ApiVersion: '1.44' },
      { CDISpecDirs: [join(folder, 'none'), specifications] },
    );
    const devices = async (): Promise<unknown> =>
      (await connectDocker({ DOCKER_HOST: host })).devices.cdiDevices;
    assert.deepEqual(await devices(), []);
    mkdirSync(specifications);
    writeFileSync(join(specifications, 'other.json'), '{"kind":"example.com/other"}');
    assert.deepEqual(await devices(), []);
    writeFileSync(join(specifications, 'nvidia.yaml'), 'kind: nvidia.com/gpu\n');
    assert.equal(await devices(), 'unlisted');
  });

  it("knows NVIDIA's CDI devices of an engine that lists what it found", async () => {
    const found = ['nvidia.com/gpu=0', 'example.com/other=0'].map((ID) => ({ Source: 'cdi', ID }));
    const host = await standIn(
      { Version: '28.2.0', ApiVersion: '1.50' },
      { CDISpecDirs: ['/etc/cdi'], DiscoveredDevices: found },
    );
    const { devices } = await connectDocker({ DOCKER_HOST: host });
    assert.deepEqual(devices.cdiDevices, ['nvidia.com/gpu=0']);
  });

  it('follows the context that the Docker configuration selects', () => {
    const meta = join(folder, 'contexts', 'meta', createHash('sha256').update('own').digest('hex'));
    mkdirSync(meta, { recursive: true });
    writeFileSync(join(folder, 'config.json'), '{"currentContext":"own"}');
    const endpoint = { Endpoints: { docker: { Host: 'unix:///somewhere/docker.sock' } } };
    writeFileSync(join(meta, 'meta.json'), JSON.stringify(endpoint));
    assert.equal(socketOf({ DOCKER_CONFIG: folder }), '/somewhere/docker.sock');
    assert.equal(socketOf({ DOCKER_CONFIG: join(folder, 'none') }), '/var/run/docker.sock');
  });

  it('refuses an engine on another machine, and says what to do instead', () => {
    assert.throws(
      () => socketOf({ DOCKER_HOST: 'tcp://10.0.0.1:2375' }),
      (error: VelarError) => error.code === 'unsupported' && /pair with it/.test(error.hint ?? ''),
    );
  });
});
