/** The page to try an endpoint, in a real browser, against a real runtime and a real deployment. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { withChromium } from '../webview/support/browser';
import { EndpointServer } from './endpointServer';
import { Workspace } from './velar';

const ATTACK = '</script><img src=x onerror="window.attacked = true">';

const source = `
import os, time
import velar

app = velar.App("shop")
ATTACK = ${JSON.stringify(ATTACK)}


@app.function()
def greet(name: str, times: int = 1, mark: str = ATTACK):
    """Greets someone.

    ${ATTACK}
    """
    return {"text": " ".join(["hello " + name] * times), "echo": ATTACK}


@app.function()
def count(to: int, go: str):
    for number in range(to):
        yield {"number": number}
        while number == 1 and not os.path.exists(go):
            time.sleep(0.01)


@app.function()
def fail():
    raise ValueError("no such luck " + ATTACK)


@app.function()
def wait():
    yield "began"
    time.sleep(600)
`;

describe('the page to try an endpoint', function () {
  this.timeout(120_000);
  const browser = withChromium();
  const workspace = new Workspace({ 'shop.py': source });
  const flags: string[] = [];
  const server = new EndpointServer(workspace, 'shop', flags);
  let page: Page;
  let problems: string[] = [];

  before(async () => {
    await server.start();
    await server.velar('deploy', 'shop.py');
  });
  after(async () => {
    await server.stop();
    workspace.remove();
  });
  afterEach(async () => {
    await page.context().close();
    assert.deepEqual(problems, [], 'the policy stopped something, or the page failed');
  });

  /** `expected`: console messages that the test is about. */
  const open = async (
    path: string,
    expected = /^$/,
    options: BrowserContextOptions = {},
  ): Promise<void> => {
    const context = await browser().newContext({ ...options, serviceWorkers: 'block' });
    page = await context.newPage();
    problems = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      const told = message.type() === 'error' || message.type() === 'warning';
      if (told && !expected.test(message.text())) problems.push(message.text());
    });
    const response = await page.goto(server.address('staging', path));
    assert.equal(response?.status(), 200);
  };
  const load = async (key = server.keys['staging'] ?? ''): Promise<void> => {
    await page.getByLabel('API key of staging').fill(key);
    await page.keyboard.press('Enter');
  };
  const part = (name: string): ReturnType<Page['locator']> => page.locator(`[data-part=${name}]`);
  const field = (name: string): ReturnType<Page['locator']> =>
    page.locator(`[data-field=${JSON.stringify(name)}]`);
  const press = (name: string): Promise<void> => page.getByRole('button', { name }).click();
  const done = (pattern: RegExp): Promise<void> =>
    part('status').filter({ hasText: pattern }).waitFor();

  it('shows the signature once a key is typed, and calls by keyboard alone', async () => {
    await open('greet');
    assert.equal(await page.locator('form').count(), 1, 'nothing but the key is asked for');
    await load();
    await part('about').filter({ hasText: 'shop · staging · version 1' }).waitFor();
    assert.match(await part('doc').innerText(), /^Greets someone\./);
    assert.ok(await field('name').evaluate((input) => input === document.activeElement));
    await page.keyboard.type('Ada "L"');
    await page.keyboard.press('Tab');
    assert.ok(await field('times').evaluate((input) => input === document.activeElement));
    await page.keyboard.type('2');
    await page.keyboard.press('Control+Enter');
    await done(/^Done, status 200, \d+ ms$/);
    assert.match(
      await part('result').innerText(),
      /^{\n {2}"text": "hello Ada \\"L\\" hello Ada \\"L\\"",\n {2}"echo": /,
    );
    assert.match(await part('request').innerText(), /^Request run-\w+$/);
  });

  it('says in the field what does not fit, and calls nothing', async () => {
    await open('greet');
    await load();
    await field('times').fill('many');
    await press('Call');
    const wrong = page.getByRole('alert').filter({ hasText: 'Required. For an empty text' });
    await wrong.waitFor();
    assert.ok(await field('name').evaluate((input) => input === document.activeElement));
    assert.equal(await field('times').getAttribute('aria-invalid'), 'true');
    await page.getByText('Expected a whole number such as 3.').waitFor();
    assert.ok(!(await part('status').isVisible()));
    await field('name').fill('Ada');
    await field('times').fill('');
    await press('Call');
    await done(/^Done/);
  });

  it('shows what users’ code says as text, whatever it says', async () => {
    await open('greet', /status of 500/);
    await load();
    await part('doc').filter({ hasText: ATTACK }).waitFor();
    await field('name').fill(ATTACK);
    await press('Call');
    await done(/^Done/);
    assert.ok((await part('result').innerText()).includes('</script><img'));
    await page.goto(server.address('staging', 'fail'));
    await load();
    await press('Call');
    await part('failure')
      .filter({ hasText: `ValueError: no such luck ${ATTACK}` })
      .waitFor();
    await done(/^Failed, status 500/);
    assert.equal(await page.locator('img').count(), 0);
    assert.equal(await page.evaluate(() => 'attacked' in window), false);
  });

  it('says why there is no form without the key of the environment, and keeps the key nowhere', async () => {
    await open('greet', /status of 40[14]/);
    await load('vk-staging-wrong');
    const told = page
      .getByRole('alert')
      .filter({ hasText: /does not know the token.*of this environment/ });
    await told.waitFor();
    await load('no spaces');
    await page.getByText('Type a key first.').waitFor();
    await load();
    await field('name').fill('Ada');
    await press('Call');
    await done(/^Done/);
    const key = server.keys['staging'] ?? '';
    const kept = await page.evaluate(() =>
      JSON.stringify([
        location.href,
        { ...localStorage },
        { ...sessionStorage },
        document.cookie,
        history.state,
      ]),
    );
    assert.ok(!kept.includes(key));
    assert.ok(!(await page.content()).includes(key));
    await page.reload();
    assert.equal(await page.getByLabel('API key of staging').inputValue(), '');
    await page.goto(server.address('staging', 'nothing'));
    await load();
    await page
      .getByRole('alert')
      .filter({ hasText: 'shop has no function nothing in staging' })
      .waitFor();
  });

  it('shows items as they come', async () => {
    const go = join(workspace.folder, 'go');
    await open('count');
    await load();
    await field('to').fill('4');
    await field('go').fill(go);
    await press('Call');
    await done(/^2 items so far/);
    assert.match(await part('items').innerText(), /"number": 0[^]*"number": 1/);
    workspace.write('../go', '');
    await done(/^Done, status 200, \d+ ms, 4 items$/);
    assert.equal(await part('items').locator('li').count(), 4);
  });

  it('cancels a call, on the runtime too', async () => {
    await open('wait');
    await load();
    await press('Call');
    await done(/^1 item so far/);
    await press('Cancel');
    await done(/^Cancelled after \d+ ms\.$/);
    assert.ok(await page.getByRole('button', { name: 'Call' }).isEnabled());
    const listed = async (): Promise<{ run: string; status: string } | undefined> => {
      const text = await server.velar('ps', '--all', '--endpoints', '--json');
      const { runs } = JSON.parse(text) as {
        runs: { run: string; status: string; qualname: string }[];
      };
      return runs.find(({ qualname }) => qualname === 'wait');
    };
    // Logs end with the run.
    await server.velar('logs', (await listed())?.run ?? '');
    assert.equal((await listed())?.status, 'cancelled');
  });

  it('gives the call as a line that works in a shell, and the OpenAPI document', async function () {
    await open('greet');
    await load();
    await field('name').fill("O'Hara $HOME");
    const line = await part('curl').innerText();
    assert.ok(!line.includes(server.keys['staging'] ?? ''));
    const downloading = page.waitForEvent('download');
    await page.getByRole('link', { name: 'OpenAPI document' }).click();
    const download = await downloading;
    assert.equal(download.suggestedFilename(), 'shop-staging.openapi.json');
    const curl = ['/usr/bin/curl', '/bin/curl'].find((path) => existsSync(path));
    if (curl === undefined) return;
    const answer = execFileSync('sh', ['-c', line.replace(/^curl/, `${curl} -s`)], {
      env: { VELAR_KEY: server.keys['staging'] ?? '' },
      encoding: 'utf8',
    });
    assert.match(answer, /"text":\s*"hello O'Hara \$HOME"/);
  });

  it('fits narrow windows in both colour schemes', async () => {
    const problemsOf: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await open('greet', /^$/, { colorScheme, viewport: { width: 360, height: 800 } });
      await load();
      await field('times').fill('x');
      await field('name').fill('Ada');
      await press('Call');
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > 360) problemsOf.push(`${wide} px`);
      const shades = await page.evaluate(() => {
        const { color, backgroundColor } = getComputedStyle(document.body);
        return [color, backgroundColor].map((each) => Number(/\d+/.exec(each)?.[0]));
      });
      const [text = 0, back = 0] = shades;
      if (colorScheme === 'dark' ? text <= back : text >= back) problemsOf.push(colorScheme);
      if (colorScheme === 'light') await page.context().close();
    }
    assert.deepEqual(problemsOf, []);
  });

  it('is of no use to other sites', async () => {
    await open('greet');
    const response = await fetch(server.address('staging', 'greet'), {
      headers: { accept: 'text/html' },
    });
    const html = await response.text();
    for (const secret of ['Greets', 'times', 'version 1'])
      assert.ok(!html.includes(secret), secret);
    const nowhere = await fetch(server.address('staging', 'nothing'), {
      headers: { accept: 'text/html' },
    });
    assert.equal(await nowhere.text(), html, 'it tells what there is');
    const policy = response.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'.*frame-ancestors 'none'/);
    assert.ok(!policy.includes('unsafe'));
  });
});
