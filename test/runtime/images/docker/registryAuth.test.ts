import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageBuildError } from '../../../../runtime/images/buildError';
import { registryOf, isReference } from '../../../../runtime/images/docker/references';
import { registryCredentials } from '../../../../runtime/images/docker/registryAuth';

const SECRET = 'open:sesame';

describe("a registry's credentials", () => {
  let folder: string;
  let environment: Record<string, string | undefined>;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'velar-auth-'));
    environment = { DOCKER_CONFIG: folder, PATH: `${folder}:${process.env['PATH'] ?? ''}` };
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const configure = (config: unknown): Promise<void> =>
    writeFile(join(folder, 'config.json'), JSON.stringify(config));

  /** A credential helper as the Docker command runs them. */
  async function helper(name: string, script: string): Promise<void> {
    const path = join(folder, `docker-credential-${name}`);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  }

  it('come from what `docker login` wrote, by host, Docker Hub under its old name', async () => {
    const auth = Buffer.from(`me:${SECRET}`).toString('base64');
    await configure({
      auths: {
        'https://index.docker.io/v1/': { auth },
        'https://registry.example.com/v2/': { auth },
        'token.example.com': { identitytoken: 'abc' },
        'empty.example.com': {},
      },
    });
    const found = (registry: string) => registryCredentials(registry, environment);
    assert.deepEqual(await found('docker.io'), {
      username: 'me',
      password: SECRET,
      serveraddress: 'https://index.docker.io/v1/',
    });
    assert.equal((await found('registry.example.com'))?.password, SECRET);
    assert.equal((await found('token.example.com'))?.identitytoken, 'abc');
    assert.equal(await found('empty.example.com'), undefined);
    assert.equal(await found('other.example.com'), undefined);
  });

  it('are none without a configuration', async () => {
    assert.equal(await registryCredentials('docker.io', environment), undefined);
  });

  it('come from helpers, one for each registry before the one for all', async () => {
    await configure({ credsStore: 'all', credHelpers: { 'one.example.com': 'one' } });
    const answer = `read server; echo "{\\"ServerURL\\":\\"$server\\",\\"Username\\":\\"$server\\",\\"Secret\\":\\"s\\"}"`;
    await helper('all', answer.replace('Username\\":\\"$server', 'Username\\":\\"<token>'));
    await helper('one', answer);
    assert.deepEqual(await registryCredentials('one.example.com', environment), {
      username: 'one.example.com',
      password: 's',
      serveraddress: 'one.example.com',
    });
    assert.equal((await registryCredentials('b.example.com', environment))?.identitytoken, 's');
  });

  it('that a helper does not have are none; a helper that fails is said, without what it printed', async () => {
    await configure({ credsStore: 'all' });
    await helper('all', 'echo "credentials not found in native keychain"; exit 1');
    assert.equal(await registryCredentials('a.example.com', environment), undefined);
    await helper('all', `echo ${SECRET}; exit 3`);
    const failure = async (): Promise<string> => {
      try {
        await registryCredentials('a.example.com', environment);
      } catch (error) {
        assert.ok(error instanceof ImageBuildError);
        return JSON.stringify(error.runError);
      }
      return 'no failure';
    };
    assert.match(
      await failure(),
      /docker-credential-all failed for a\.example\.com \(exit code 3\)/,
    );
    assert.doesNotMatch(await failure(), /sesame/);
    await rm(join(folder, 'docker-credential-all'));
    assert.match(await failure(), /docker-credential-all.*ENOENT/);
    await writeFile(join(folder, 'config.json'), `{"auths": {"a": "${SECRET}"`);
    assert.match(await failure(), /config\.json can't be read/);
    assert.doesNotMatch(await failure(), /sesame/);
  });
});

describe("an image's name", () => {
  it('tells its registry', () => {
    assert.equal(registryOf('python:3.11'), 'docker.io');
    assert.equal(registryOf('pytorch/pytorch:2'), 'docker.io');
    assert.equal(registryOf('nvcr.io/nvidia/pytorch:24.01'), 'nvcr.io');
    assert.equal(registryOf('localhost/a'), 'localhost');
    assert.equal(registryOf('box:5000/a'), 'box:5000');
    assert.equal(registryOf('127.0.0.1:5000/a@sha256:00'), '127.0.0.1:5000');
  });

  it('is told from what is none', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    for (const name of [
      'python',
      'a/b:1',
      'h.io:50/a_b/c--d:V1.2_x',
      `a@${digest}`,
      `a:1@${digest}`,
    ]) {
      assert.equal(isReference(name), true, name);
    }
    for (const name of ['', 'Python', 'a b', 'a:', 'a:$X', 'a\nRUN x', '-a', 'a//b']) {
      assert.equal(isReference(name), false, name);
    }
  });
});
