import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageBuildError } from '../../../../runtime/images/buildError';
import { proxyArguments } from '../../../../runtime/images/docker/proxies';

describe('proxies of builds', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'velar-proxies-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const found = async (config: unknown, more = {}): Promise<Record<string, string>> => {
    const text = typeof config === 'string' ? config : JSON.stringify(config);
    await writeFile(join(folder, 'config.json'), text);
    return proxyArguments({ DOCKER_CONFIG: folder, ...more });
  };

  it('come from the configuration of the Docker client, in both spellings', async () => {
    const proxies = {
      default: { httpProxy: 'http://p:1', noProxy: 'localhost', ftpProxy: '' },
      'tcp://far:2376': { httpsProxy: 'http://far:2' },
    };
    assert.deepEqual(await found({ proxies }), {
      HTTP_PROXY: 'http://p:1',
      http_proxy: 'http://p:1',
      NO_PROXY: 'localhost',
      no_proxy: 'localhost',
    });
    assert.deepEqual(await found({ proxies }, { DOCKER_HOST: 'tcp://far:2376' }), {
      HTTPS_PROXY: 'http://far:2',
      https_proxy: 'http://far:2',
    });
  });

  it('are none without a configuration, and a broken one is named', async () => {
    assert.deepEqual(await proxyArguments({ DOCKER_CONFIG: folder }), {});
    assert.deepEqual(await found({ auths: {} }), {});
    await assert.rejects(found('{"proxies": 5}'), ImageBuildError);
  });
});
