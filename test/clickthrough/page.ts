/** Where things are on the page of a workbench, and what click-through tests do with them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { FrameLocator, Locator, Page } from 'playwright-core';
import type { Workbench } from '../../scripts/vscode/workbench.mjs';

/** First run of all: the runtime starts, an empty image is built, a container comes up. */
export const COLD_MS = 90_000;

/** The page inside the panel's two frames. */
export function panelOf(page: Page): FrameLocator {
  return page.frameLocator('iframe.webview.ready').frameLocator('#active-frame');
}

/** A lens by its text, from the top of the file. */
export function lens(page: Page, text: string, index = 0): Locator {
  return page.locator('.codelens-decoration a').filter({ hasText: text }).nth(index);
}

export function statusBar(page: Page, text: string): Locator {
  return page.locator('.statusbar-item').filter({ hasText: text });
}

/** The question that blocks the window. */
export function dialog(page: Page, text: string): Locator {
  return page.locator('.monaco-dialog-box').filter({ hasText: text });
}

/** A message in the corner of the window. */
export function toast(page: Page, text: string | RegExp): Locator {
  return page.locator('.notification-toast').filter({ hasText: text });
}

/** What the open quick pick with the placeholder lists. */
export async function pickRows(page: Page, placeholder: string): Promise<string[]> {
  await page.locator(`.quick-input-widget input[placeholder="${placeholder}"]`).waitFor();
  const rows = page.locator('.quick-input-list .monaco-list-row');
  await rows.first().waitFor();
  return rows.allInnerTexts();
}

/** Opens a link as one from outside; VS Code then asks whether the extension may have it. */
export async function openLink(page: Page, workbench: Workbench, link: string): Promise<void> {
  await workbench.runCommand('Developer: Open URL');
  await answer(page, 'URL to open', link);
}

/** Answers the quick input that has the title, replacing what is in it. */
export async function answer(page: Page, title: string, value: string): Promise<void> {
  await page.locator('.quick-input-widget').filter({ hasText: title }).waitFor();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type(value);
  await page.keyboard.press('Enter');
}

/** Puts the cursor of the open editor on a line, from 1. */
export async function goToLine(page: Page, line: number): Promise<void> {
  await page.keyboard.press('Control+g');
  const input = page.locator('.quick-input-widget input.input');
  await input.fill(`:${String(line)}`);
  await input.press('Enter');
  await page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  await page.locator('.editor-instance .monaco-editor.focused').waitFor();
}

/** Writes into the debug console, once the keyboard is there. */
export async function evaluate(page: Page, workbench: Workbench, text: string): Promise<void> {
  await workbench.runCommand('Debug Console: Focus on Debug Console View');
  await page.locator('.repl-input-wrapper .monaco-editor.focused').waitFor();
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
}

/** Shows Velar's tree of functions and containers. */
export async function showExplorer(page: Page): Promise<void> {
  await page.locator('.activitybar .action-label[aria-label*="Velar"]').first().click();
}

/** A row of Velar's tree. */
export function treeRow(page: Page, text: string | RegExp, index = 0): Locator {
  return page.locator('.pane-body .monaco-list-row').filter({ hasText: text }).nth(index);
}

/** Clicks an action at the end of a row of the tree, which shows once the pointer is over it. */
export async function rowAction(row: Locator, label: string): Promise<void> {
  await row.hover();
  await row.locator(`.action-label[aria-label*="${label}"]`).click();
}

/** A runtime that `velar serve` started. */
export interface Served {
  readonly address: string;
  readonly code: string;
  /** As printed; undefined without TLS. */
  readonly fingerprint: string | undefined;
  /** Interrupts it and waits for its end. */
  stop(): Promise<void>;
}

/** `velar serve` as a person starts it; reads what it prints. */
export async function serve(home: string, ...flags: string[]): Promise<Served> {
  const child = spawn(
    process.execPath,
    [resolve('dist/cli.js'), 'serve', '--name', 'gpu-box', ...flags],
    { env: { ...process.env, VELAR_HOME: home }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let printed = '';
  for await (const chunk of child.stdout) {
    printed += String(chunk);
    const address = /Address\s+(\S+)/.exec(printed)?.[1];
    const code = /Code\s+(\S+)/.exec(printed)?.[1];
    const fingerprint = /SHA-256 (\S+)/.exec(printed)?.[1];
    if (address === undefined || code === undefined) continue;
    return { address, code, fingerprint, stop: () => stop(child) };
  }
  throw new Error(`velar serve ended without an address. It printed:\n${printed}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGINT');
  await once(child, 'exit');
}
