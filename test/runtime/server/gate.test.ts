import assert from 'node:assert/strict';
import { sha256Hex } from '../../../runtime/protocol/bundles';
import { checkOrigin } from '../../../runtime/server/crossOrigin';
import { decide, hostName, isLoopback, type RequestFacts } from '../../../runtime/server/gate';
import { hostNames, isLoopbackHost } from '../../../runtime/server/server';

const rules = {
  hosts: new Set(['127.0.0.1', 'localhost', '[::1]', 'gpu.example']),
  credentials: [
    { device: 'owner', tokenSha256: sha256Hex('owner-token'), loopbackOnly: true },
    { device: 'dev-1', tokenSha256: sha256Hex('device-token'), loopbackOnly: false },
  ],
  keys: [
    { environment: 'staging' as const, sha256: sha256Hex('staging-key') },
    { environment: 'production' as const, sha256: sha256Hex('production-key') },
  ],
  origins: new Set(['https://app.example', 'http://localhost:3000']),
};
const good: RequestFacts = {
  upgrade: true,
  method: 'GET',
  url: '/v1/link',
  host: '127.0.0.1:7070',
  origin: undefined,
  authorization: 'Bearer device-token',
  accept: '*/*',
  loopback: true,
};

/** What the gate says, as one word or number. */
function verdict(change: Partial<RequestFacts>): string | number {
  const decision = decide({ ...good, ...change }, rules);
  if (decision.kind === 'link') return decision.principal.device;
  if (decision.kind === 'endpoint') return decision.environment;
  return decision.kind === 'refuse' ? decision.status : decision.kind;
}

describe('gate', () => {
  it('lets known tokens in, the owner over loopback only', () => {
    const owner = 'Bearer owner-token';
    assert.equal(verdict({}), 'dev-1');
    assert.equal(verdict({ loopback: false }), 'dev-1');
    assert.equal(verdict({ authorization: owner }), 'owner');
    assert.equal(verdict({ authorization: owner, loopback: false }), 401);
    assert.equal(verdict({ url: '/v1/link?x=1' }), 'dev-1');
  });

  it('lets a key into the endpoints of its environment and nowhere else', () => {
    const to = (url: string, token: string): string | number =>
      verdict({ url, upgrade: false, method: 'POST', authorization: `Bearer ${token}` });
    const [staging, production] = ['/v1/endpoints/staging/a/f', '/v1/endpoints/production/a/f'];
    assert.equal(to(staging, 'staging-key'), 'staging');
    assert.equal(to(production, 'production-key'), 'production');
    assert.equal(to(production, 'staging-key'), 401);
    assert.equal(to(staging, 'production-key'), 401);
    assert.equal(to('/v1/endpoints/elsewhere/a/f', 'staging-key'), 401);
    assert.equal(to(`${staging}/../../production/a/f`, 'staging-key'), 'staging');
    assert.equal(to('/v1/link', 'staging-key'), 401);
    assert.equal(to('/v1/pair/', 'staging-key'), 401);
    assert.equal(verdict({ authorization: 'Bearer staging-key' }), 401);
    assert.equal(verdict({ url: staging, authorization: 'Bearer staging-key' }), 401, 'no upgrade');
    assert.equal(to(staging, 'device-token'), 'staging');
    assert.equal(to(production, 'device-token'), 'production');
    assert.equal(to(staging, 'nobody'), 401);
  });

  it('refuses Origins before anything else', () => {
    const foreign = ['null', '', 'vscode-webview://x', 'https://gpu.example', 'http://127.0.0.1:1'];
    const own = 'http://127.0.0.1:7070';
    const allowed = ['https://app.example', 'http://localhost:3000'];
    const refuses = (origin: string, url: string): void => {
      for (const upgrade of [true, false]) {
        for (const method of ['GET', 'POST', 'OPTIONS']) {
          for (const authorization of [undefined, 'Bearer device-token']) {
            const accept = 'text/html';
            const facts = { origin, url, upgrade, authorization, method, accept };
            assert.equal(verdict(facts), 403, JSON.stringify(facts));
          }
        }
      }
    };
    for (const url of ['/v1/link', '/v1/pair', '/']) {
      for (const origin of [...foreign, own, ...allowed]) refuses(origin, url);
    }
    for (const origin of foreign) refuses(origin, '/v1/endpoints/staging/a/f');
  });

  const endpoint = { url: '/v1/endpoints/staging/a/f', upgrade: false, method: 'POST' };

  it('lets web pages of its own and of allowed origins call endpoints, with a key', () => {
    const key = 'Bearer staging-key';
    for (const origin of ['http://127.0.0.1:7070', 'https://app.example']) {
      assert.equal(verdict({ ...endpoint, origin, authorization: key }), 'staging');
      assert.equal(verdict({ ...endpoint, origin, authorization: undefined }), 401);
      assert.equal(verdict({ ...endpoint, origin, authorization: key, upgrade: true }), 403);
    }
    for (const origin of ['https://app.example:444', 'http://app.example', 'https://APP.example']) {
      assert.equal(verdict({ ...endpoint, origin, authorization: key }), 403, origin);
    }
    const rebound = { origin: 'http://evil.example:7070', host: 'evil.example:7070' };
    assert.equal(verdict({ ...endpoint, ...rebound, authorization: key }), 403);
    const other = { origin: 'https://app.example', host: 'evil.example' };
    assert.equal(verdict({ ...endpoint, ...other, authorization: key }), 403);
  });

  it('answers browsers that ask ahead for allowed origins only', () => {
    const asks = { ...endpoint, method: 'OPTIONS', authorization: undefined };
    assert.equal(verdict({ ...asks, origin: 'https://app.example' }), 'preflight');
    assert.equal(verdict({ ...asks, origin: 'https://evil.example' }), 403);
    assert.equal(verdict({ ...asks, origin: 'https://app.example', host: 'evil.example' }), 403);
    assert.equal(verdict(asks), 401);
  });

  it('shows the page to try a function to whoever reads HTML, and nothing else without a key', () => {
    const reads = {
      ...endpoint,
      method: 'GET',
      authorization: undefined,
      accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
    };
    assert.equal(verdict(reads), 'page');
    assert.equal(verdict({ ...reads, url: '/v1/endpoints/production/b/C.m?x=1' }), 'page');
    for (const accept of [undefined, '*/*', 'application/json', 'text/htmlx']) {
      assert.equal(verdict({ ...reads, accept }), 401, accept);
    }
    for (const url of [
      '/',
      '/v1/endpoints/elsewhere/a/f',
      '/v1/endpoints/staging/a',
      '/v1/endpoints/staging/a/',
      '/v1/endpoints/staging/a/openapi.json',
      '/v1/endpoints/staging/a/f/calls',
      '/v1/endpoints/staging/a/f/calls/run-1',
    ]) {
      assert.equal(verdict({ ...reads, url }), 401, url);
    }
    for (const method of ['POST', 'HEAD', 'PUT']) assert.equal(verdict({ ...reads, method }), 401);
    assert.equal(verdict({ ...reads, host: 'evil.example' }), 403);
    assert.equal(verdict({ ...reads, origin: 'https://evil.example' }), 403);
  });

  it('takes origins as browsers write them, and never all', () => {
    for (const origin of ['https://app.example', 'http://localhost:3000', 'https://[::1]:8443']) {
      assert.equal(checkOrigin(origin), origin);
    }
    for (const origin of [
      '*',
      'null',
      '',
      'app.example',
      'https://app.example/',
      'https://app.example:443',
      'https://APP.example',
      'https://*.example',
      'file:///x',
      'vscode-webview://x',
    ]) {
      assert.throws(() => checkOrigin(origin), /is no origin/, origin);
    }
  });

  it('refuses Hosts that are not its own, on every route', () => {
    const foreign = [
      undefined,
      '',
      'evil.example',
      '127.0.0.1.evil.example',
      'localhost@evil',
      'a b',
      '127.0.0.1:x',
    ];
    for (const host of foreign) {
      assert.equal(verdict({ host }), 403, host);
      assert.equal(verdict({ host, url: '/v1/pair', upgrade: false, method: 'POST' }), 403, host);
    }
    for (const host of [
      'localhost:1',
      'LOCALHOST',
      '[::1]:7070',
      'gpu.example',
      'GPU.example.:443',
    ]) {
      assert.equal(verdict({ host }), 'dev-1', host);
    }
  });

  it('refuses tokens that are missing, malformed, wrong or near', () => {
    const wrong = [
      undefined,
      '',
      'device-token',
      'Basic device-token',
      'Bearer ',
      'Bearer device-toke',
      'Bearer device-token2',
      'bearer device-token',
      `Bearer ${'x'.repeat(600)}`,
      `Bearer ${sha256Hex('device-token')}`,
    ];
    for (const authorization of wrong) assert.equal(verdict({ authorization }), 401, authorization);
  });

  it('tells routes only to those it knows', () => {
    for (const url of ['/', '/v1', '/v1/links', '/V1/LINK', '/v1/link/']) {
      assert.equal(verdict({ url }), 404, url);
      assert.equal(verdict({ url, authorization: undefined }), 401, url);
    }
    assert.equal(verdict({ upgrade: false }), 426);
  });

  it('leaves pairing open, by POST and not as a WebSocket', () => {
    const pair = { url: '/v1/pair', authorization: undefined };
    assert.equal(verdict({ ...pair, upgrade: false, method: 'POST' }), 'pair');
    assert.equal(verdict({ ...pair, upgrade: false, method: 'GET' }), 405);
    assert.equal(verdict({ ...pair, upgrade: true, method: 'POST' }), 401);
  });

  it('knows loopback addresses and the names it goes by', () => {
    for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
      assert.ok(isLoopback(address));
    for (const address of [undefined, '10.0.0.1', '::ffff:10.0.0.1', '127.0.0.1.evil', '::2'])
      assert.ok(!isLoopback(address));
    assert.equal(hostName('[::1]:80'), '[::1]');
    assert.ok(hostNames('192.0.2.7', ['GPU.lan']).has('gpu.lan'));
    assert.ok(hostNames('192.0.2.7', []).has('192.0.2.7'));
    assert.ok(!hostNames('127.0.0.1', []).has('0.0.0.0'));
    assert.ok(hostNames('2001:db8::1', []).has('[2001:db8::1]'));
    assert.ok(
      isLoopbackHost('127.0.0.1') &&
        !isLoopbackHost('0.0.0.0') &&
        !isLoopbackHost('127.evil.example'),
    );
  });
});
