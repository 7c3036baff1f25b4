/** What a click-through test that failed leaves behind, for somebody who has its output alone. */
import type { Workbench } from '../../scripts/vscode/workbench.mjs';
import { panelOf } from './page';

/** What tells most of where the workbench stands. */
const TELLING = {
  Editor: '.tab.active',
  Lenses: '.codelens-decoration',
  Tree: '.pane-body .monaco-list-row',
  Messages: '.notification-toast',
  Question: '.monaco-dialog-box',
  'Quick input': '.quick-input-widget',
  'Status bar': '.statusbar-item',
} as const;
/** The panel's page may not be there. */
const PANEL_MS = 2000;

/**
 * For `afterEach`: takes a picture of a failed test and prints what is to be read on the screen, and what the page's
 * console and the server said.
 * @param workbench undefined while there is none
 * @param name of the picture, in test-output/
 */
export function keepFailure(
  workbench: () => Workbench | undefined,
  name: string,
): (this: Mocha.Context) => Promise<void> {
  return async function () {
    const shown = workbench();
    if (this.currentTest?.state !== 'failed' || shown === undefined) return;
    console.log(`Picture: ${await shown.screenshot(name)}`);
    for (const [what, selector] of Object.entries(TELLING)) {
      // What is hidden has no text; of such an element its style sheets would count as that.
      const texts = await shown.page.locator(selector).filter({ visible: true }).allInnerTexts();
      console.log(`${what}: ${JSON.stringify(texts.filter((text) => text.trim() !== ''))}`);
    }
    const panel = panelOf(shown.page).locator('body');
    const text = await panel.innerText({ timeout: PANEL_MS }).catch(() => 'not there');
    console.log(`Panel: ${JSON.stringify(text)}\n${shown.log()}`);
  };
}
