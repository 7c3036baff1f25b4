import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectDocker, socketOf } from '../../runtime/engines/docker/connect';
import { VelarError } from '../../runtime/protocol/errors';
import { dockerClient } from './support';

describe('Finding the Docker engine', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'velar-connect-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

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
    assert.ok(host.runtimes.includes('runc'));
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
    const path = join(folder, 'old.sock');
    const server = createHttpServer((request, response) => {
      const body = request.url?.includes('version')
        ? { Version: '19.03.1', ApiVersion: '1.40' }
        : { MemTotal: 1, NCPU: 1 };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      const error = await failure({ DOCKER_HOST: `unix://${path}` });
      assert.equal(error.code, 'unsupported');
      assert.match(error.message, /19\.03\.1 is too old/);
    } finally {
      server.close();
    }
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
