import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  openWorkbench,
  type Workbench,
  type WorkbenchOptions,
} from '../../../scripts/vscode/workbench.mjs';

// The test run ends a suite that hangs with SIGTERM; the exit ends VS Code and the browser. Each
// compiled test file holds this module: the first to come is enough.
if (process.listenerCount('SIGTERM') === 0) process.once('SIGTERM', () => process.exit(143));

/**
 * Starts a real VS Code for a click-through test; screenshots go to test-output/ (not in git).
 * @param options folder to open, extension (`vsix` or `extensionDevelopmentPath`), settings, theme
 * @returns the workbench once it is ready to be clicked; `dispose` it in an `after` hook
 * @throws when VS Code can't be had on this machine or does not boot, saying why
 */
export async function startWorkbench(
  options: Omit<WorkbenchOptions, 'screenshots'>,
): Promise<Workbench> {
  const screenshots = resolve('test-output');
  mkdirSync(screenshots, { recursive: true });
  // Runs that a test leaves going end with its VS Code.
  const env = { VELAR_AWAY_HOURS: '0', ...options.env };
  return openWorkbench({ ...options, env, screenshots });
}
