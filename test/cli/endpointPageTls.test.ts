/** The page to try an endpoint over TLS, as a runtime beyond one machine serves it. */
import assert from 'node:assert/strict';
import { withChromium } from '../webview/support/browser';
import { EndpointServer } from './endpointServer';
import { Workspace } from './velar';

const source = `
import velar

app = velar.App("shop")


@app.function()
def greet(name: str):
    return "hello " + name


@app.function()
def count(to: int):
    yield from range(to)
`;

describe('the page to try an endpoint, over TLS', function () {
  this.timeout(120_000);
  const browser = withChromium();
  const workspace = new Workspace({ 'shop.py': source });
  const server = new EndpointServer(workspace, 'shop', ['--host', '0.0.0.0']);
  before(async () => {
    await server.start();
    await server.velar('deploy', 'shop.py');
  });
  after(async () => {
    await server.stop();
    workspace.remove();
  });

  it('calls a function and streams items, with a key that is typed', async () => {
    assert.match(server.url, /^https:/);
    const context = await browser().newContext({ ignoreHTTPSErrors: true });
    try {
      const page = await context.newPage();
      const problems: string[] = [];
      page.on('pageerror', ({ message }) => problems.push(message));
      page.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });
      const open = async (path: string): Promise<void> => {
        const response = await page.goto(server.address('staging', path));
        assert.equal(response?.status(), 200);
        await page.getByLabel('API key of staging').fill(server.keys['staging'] ?? '');
        await page.keyboard.press('Enter');
      };
      const call = async (field: string, value: string, done: RegExp): Promise<void> => {
        await page.locator(`[data-field="${field}"]`).fill(value);
        await page.getByRole('button', { name: 'Call' }).click();
        await page.locator('[data-part=status]').filter({ hasText: done }).waitFor();
      };
      await open('greet');
      await call('name', 'Ada', /^Done, status 200/);
      assert.equal(await page.locator('[data-part=result]').innerText(), '"hello Ada"');
      assert.ok((await page.locator('[data-part=curl]').innerText()).includes(server.url));
      await open('count');
      await call('to', '4', /^Done, status 200, \d+ ms, 4 items$/);
      assert.equal(await page.locator('[data-part=items] li').count(), 4);
      assert.deepEqual(problems, [], 'the policy stopped something, or the page failed');
    } finally {
      await context.close();
    }
  });
});
