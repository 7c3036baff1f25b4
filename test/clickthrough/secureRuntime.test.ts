import * as assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import type { Workbench } from '../../scripts/vscode/workbench.mjs';
import { startWorkbench } from '../support/vscode/workbench';
import { keepFailure } from './failure';
import {
  answer,
  COLD_MS,
  dialog,
  lens,
  openLink,
  panelOf,
  pickRows,
  serve,
  statusBar,
  toast,
  type Served,
} from './page';

const APP = `import velar

app = velar.App("far")


@app.function()
def where() -> str:
    return "far away"
`;

/** An address of this machine that others can reach; where it has none, all of its addresses. */
function outsideAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return (
    addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '0.0.0.0'
  );
}

describe('a runtime beyond this machine', function () {
  this.timeout(180_000);
  let scratch: string;
  let workbench: Workbench;
  let page: Page;
  let served: Served;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'velar-tls-'));
    const folder = join(scratch, 'folder');
    await mkdir(folder);
    await writeFile(join(folder, 'far.py'), APP);
    served = await serve(join(scratch, 'served'), '--host', outsideAddress(), '--port', '0');
    workbench = await startWorkbench({
      folder,
      extensionDevelopmentPath: resolve('.'),
      env: { VELAR_HOME: join(scratch, 'home') },
    });
    ({ page } = workbench);
    await workbench.openFile('far.py');
  });

  afterEach(keepFailure(() => workbench, 'failed-secure'));

  after(async () => {
    await workbench.dispose();
    await served.stop();
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  });

  const question = (): Locator => dialog(page, 'the same fingerprint');

  async function pairedRuntimes(): Promise<string[]> {
    await workbench.runCommand('Velar: Select Runtime');
    const names = (await pickRows(page, 'Where functions run')).filter(
      (row) => !/Pair a runtime|This machine/.test(row),
    );
    await page.keyboard.press('Escape');
    return names;
  }

  async function offer(): Promise<void> {
    await workbench.runCommand('Velar: Pair Runtime');
    await answer(page, 'address', served.address);
    await answer(page, 'one-time code', served.code);
    await question().waitFor({ timeout: 30_000 });
  }

  async function followLink(link: string): Promise<void> {
    await openLink(page, workbench, link);
    // VS Code's own question, whatever the extension does with the link.
    await dialog(page, 'open this URI').getByText('Open', { exact: true }).click();
  }

  function pairingLink(parts: Record<string, string>): string {
    return `vscode://velar.velar/pair?${new URLSearchParams(parts).toString()}`;
  }

  it('shows the fingerprint that it printed, and keeps nothing when that is not confirmed', async () => {
    assert.match(served.address, /^wss:/);
    assert.ok(served.fingerprint);
    await offer();
    const text = await question().innerText();
    assert.ok(text.includes(served.fingerprint), `${text} lacks ${served.fingerprint}`);
    await workbench.screenshot('fingerprint');
    await question().getByText('Cancel', { exact: true }).click();
    await question().waitFor({ state: 'detached' });
    assert.deepEqual(await pairedRuntimes(), []);
    await statusBar(page, 'Velar: This machine').waitFor();
  });

  it('is paired with the same code once it is confirmed, and runs functions', async () => {
    await offer();
    await question().getByText('They Are the Same').click();
    await statusBar(page, 'Velar: gpu-box').waitFor({ timeout: 60_000 });
    await lens(page, 'Run on GPU').click();
    const panel = panelOf(page);
    await panel.getByTestId('result').getByText('far away').waitFor({ timeout: COLD_MS });
    await panel.getByText('gpu-box').first().waitFor({ state: 'attached' });
  });

  it('is refused when it shows another certificate later', async () => {
    await served.stop();
    const home = join(scratch, 'served');
    const { hostname, port } = new URL(served.address.replace('wss:', 'https:'));
    await rm(join(home, 'tls'), { recursive: true });
    const before = served.fingerprint;
    served = await serve(
      home,
      '--host',
      hostname === '127.0.0.1' ? '0.0.0.0' : hostname,
      '--port',
      port,
    );
    assert.notEqual(served.fingerprint, before);
    await lens(page, 'Run on GPU').click();
    const refusal = toast(page, 'another certificate');
    await refusal.waitFor({ timeout: 60_000 });
    assert.match(await refusal.innerText(), /pair it again/);
    await refusal.getByText('Pair Again').waitFor();
    await workbench.screenshot('other-certificate');
  });

  it('is not paired by a link alone', async () => {
    await followLink(pairingLink({ address: served.address, code: served.code }));
    const asked = dialog(page, 'A link asks to pair');
    await asked.waitFor({ timeout: 30_000 });
    assert.ok((await asked.innerText()).includes(served.address));
    await workbench.screenshot('pairing-link');
    await asked.getByText('Cancel', { exact: true }).click();
    await asked.waitFor({ state: 'detached' });
    assert.equal(await question().count(), 0);
    await lens(page, 'Run on GPU').click();
    await toast(page, 'another certificate').first().waitFor({ timeout: 60_000 });
  });

  it('is paired from a link after a yes, the code asked for where the link has none', async () => {
    await followLink(pairingLink({ address: served.address }));
    await dialog(page, 'A link asks to pair').getByText('Pair', { exact: true }).click();
    await answer(page, 'one-time code', served.code);
    await question().waitFor({ timeout: 30_000 });
    assert.ok((await question().innerText()).includes(served.fingerprint ?? '?'));
    await question().getByText('They Are the Same').click();
    await toast(page, 'paired with gpu-box').waitFor({ timeout: 60_000 });
    assert.equal((await pairedRuntimes()).length, 1, 'the old pairing is replaced');
    await lens(page, 'Run on GPU').click();
    await panelOf(page).getByTestId('result').getByText('far away').waitFor({ timeout: COLD_MS });
  });

  for (const [what, link, message] of [
    ['no address', pairingLink({}), 'names no address'],
    ['an address that is none', pairingLink({ address: 'ftp://x:1' }), 'no address of a runtime'],
    [
      'a code that is none',
      pairingLink({ address: '127.0.0.1:7420', code: '12' }),
      'no pairing code',
    ],
    ['another path', 'vscode://velar.velar/pear?address=127.0.0.1:7420', 'does not know this link'],
  ] as const) {
    it(`says what is wrong with a link that has ${what}`, async () => {
      await followLink(link);
      await toast(page, message).first().waitFor({ timeout: 30_000 });
      assert.equal(await dialog(page, 'A link asks to pair').count(), 0);
    });
  }
});
