/** Web pages of other origins that call endpoints: a real browser, real pages, a real runtime. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { withChromium } from '../webview/support/browser';
import { EndpointServer } from './endpointServer';
import { Workspace } from './velar';

const source = `
import velar

app = velar.App("shop")


@app.function()
def greet(name: str):
    return "hello " + name
`;

interface Told {
  status: number;
  body: string;
  requestId: string | null;
}

describe('calls of endpoints by web pages of other origins', function () {
  this.timeout(120_000);
  const browser = withChromium();
  const workspace = new Workspace({ 'shop.py': source });
  const flags: string[] = [];
  const server = new EndpointServer(workspace, 'shop', flags);
  const site = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>Site</title>');
  });
  let page: Page;

  before(async () => {
    await new Promise<void>((listening) => site.listen(0, listening));
    await server.start();
    await server.velar('deploy', 'shop.py');
    page = await browser().newPage();
  });
  after(async () => {
    await server.stop();
    await new Promise((closed) => site.close(closed));
    workspace.remove();
  });

  /** Another name is another origin. */
  const siteAt = (host: string): string =>
    `http://${host}:${String((site.address() as AddressInfo).port)}`;
  /** What the page reads of a call of its own; undefined where the browser keeps it from it. */
  const callFrom = async (origin: string, authorization: string): Promise<Told | undefined> => {
    await page.goto(origin);
    return page.evaluate(
      async ({ url, headers }) => {
        const body = JSON.stringify({ name: 'Ada' });
        const answer = await fetch(url, { method: 'POST', headers, body }).catch(() => undefined);
        return (
          answer && {
            status: answer.status,
            body: await answer.text(),
            requestId: answer.headers.get('velar-request-id'),
          }
        );
      },
      {
        url: server.address('staging', 'greet'),
        headers: { authorization, 'content-type': 'application/json' },
      },
    );
  };
  const key = (): string => `Bearer ${server.keys['staging'] ?? ''}`;
  const preflight = (origin: string): Promise<Response> =>
    fetch(server.address('staging', 'greet'), {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
  const corsOf = ({ headers }: Response): string[] =>
    [...headers.keys()].filter((name) => name.startsWith('access-control-'));

  it('are kept from them by default', async () => {
    const origin = siteAt('127.0.0.1');
    assert.equal(await callFrom(origin, key()), undefined);
    const asked = await preflight(origin);
    assert.deepEqual([asked.status, corsOf(asked)], [403, []]);
    const called = await server.call('staging', 'greet', { name: 'Ada' }, { origin });
    assert.deepEqual([called.status, corsOf(called)], [403, []]);
  });

  it('are let through for origins that the runtime was started with, with a key, and for no others', async () => {
    const origin = siteAt('127.0.0.1');
    await server.stop();
    flags.push('--allow-origin', 'https://app.example', '--allow-origin', origin);
    await server.start();
    const told = await callFrom(origin, key());
    assert.deepEqual([told?.status, told?.body], [200, '"hello Ada"']);
    assert.match(told?.requestId ?? '', /^run-/);
    const refused = await callFrom(origin, 'Bearer vk-staging-wrong');
    assert.equal(refused?.status, 401, 'the page may read why');
    assert.equal(await callFrom(siteAt('localhost'), key()), undefined);
    const other = await preflight(siteAt('localhost'));
    assert.deepEqual([other.status, corsOf(other)], [403, []]);
    const asked = await preflight(origin);
    assert.equal(asked.headers.get('access-control-allow-origin'), origin);
    assert.equal(asked.headers.get('access-control-allow-credentials'), null);
    assert.equal(asked.headers.get('vary'), 'Origin');
  });

  it('can’t be let through for all origins', async () => {
    const { code, stderr } = await workspace.run('serve', '--port', '0', '--allow-origin', '*');
    assert.equal(code, 2);
    assert.match(stderr, /"\*" is no origin of a web page\.[^]*such as https:\/\/app\.example/);
  });
});
