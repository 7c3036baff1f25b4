/** The real page bundle in a real browser, with the host's shell and policy, and a recording editor. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { HostMessage, PageMessage } from '../../../runtime/protocol/panelMessages';
import { pageMessageSchema } from '../../../runtime/protocol/panelMessages';
import { themeCss, type ThemeName } from './themes';

const ORIGIN = 'http://panel.test';
const NONCE = 'c2lsZW5jZQ';
const POLICY =
  `default-src 'none'; script-src 'nonce-${NONCE}'; style-src ${ORIGIN} 'nonce-${NONCE}'; ` +
  `img-src ${ORIGIN} data:; font-src ${ORIGIN};`;

export interface PanelPage {
  readonly page: Page;
  /** As the editor would post them, in order. */
  send(...messages: HostMessage[]): Promise<void>;
  /** What the page posted so far; each is checked as the editor checks it. */
  posted(): Promise<PageMessage[]>;
  /** What the policy stopped, and errors of the page. */
  readonly problems: string[];
}

/** Opens the page of dist/ and waits until it says that it is ready. */
export async function openPanel(
  browser: Browser,
  options: { theme?: ThemeName; width?: number; height?: number } = {},
): Promise<PanelPage> {
  const { theme = 'dark', width = 1400, height = 280 } = options;
  const context = await browser.newContext({ viewport: { width, height } });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  await page.route(`${ORIGIN}/**`, async (route) => {
    const name = new URL(route.request().url()).pathname.slice(1);
    if (name === '') {
      await route.fulfill({ contentType: 'text/html', body: shell(theme) });
    } else if (name === 'theme.css') {
      await route.fulfill({ contentType: 'text/css', body: themeCss(theme) });
    } else if (existsSync(resolve('dist', name))) {
      const contentType = name.endsWith('.css') ? 'text/css' : 'text/javascript';
      await route.fulfill({ contentType, body: readFileSync(resolve('dist', name)) });
    } else {
      await route.fulfill({ status: 404 });
    }
  });
  await page.addInitScript(() => {
    const posted: unknown[] = [];
    Object.assign(window, {
      posted,
      acquireVsCodeApi: () => ({
        postMessage: (message: unknown) => posted.push(structuredClone(message)),
        getState: () => JSON.parse(sessionStorage.getItem('state') ?? 'null') as unknown,
        setState: (state: unknown) => {
          sessionStorage.setItem('state', JSON.stringify(state));
        },
      }),
    });
  });
  await page.goto(`${ORIGIN}/`);
  const panel: PanelPage = {
    page,
    problems,
    send: (...messages) =>
      page.evaluate(async (all: unknown[]) => {
        for (const message of all) window.postMessage(message, '*');
        // Posted messages arrive in order, so this one arrives last.
        await new Promise<void>((done) => {
          window.addEventListener('message', function end(event) {
            if (event.data !== 'end') return;
            window.removeEventListener('message', end);
            requestAnimationFrame(() => {
              done();
            });
          });
          window.postMessage('end', '*');
        });
      }, messages as unknown[]),
    posted: async () => {
      const messages = await page.evaluate(
        () => (window as unknown as { posted: unknown[] }).posted,
      );
      return messages.map((message) => pageMessageSchema.parse(message));
    },
  };
  await page.waitForFunction(
    () => (window as unknown as { posted: { type: string }[] }).posted[0]?.type === 'ready',
  );
  return panel;
}

function shell(theme: ThemeName): string {
  const kind = theme === 'high-contrast' ? 'vscode-high-contrast' : `vscode-${theme}`;
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${POLICY}">
    <meta property="csp-nonce" content="${NONCE}">
    <link rel="stylesheet" href="${ORIGIN}/theme.css">
    <link rel="stylesheet" href="${ORIGIN}/webview.css">
  </head>
  <body class="${kind}" data-vscode-theme-kind="${kind}">
    <div id="app"></div>
    <script nonce="${NONCE}" src="${ORIGIN}/webview.js"></script>
  </body>
</html>`;
}
