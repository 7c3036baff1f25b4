/**
 * `npm start`: opens VS Code on examples/ with the extension loaded. The desktop `code` if it is on
 * PATH, else VS Code's server, whose address is printed for a browser. The extension starts the
 * embedded runtime and pairs with it on first use. Ctrl-C ends everything that was started.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { endGroup, findProgram } from './lib/process.mjs';
import { ROOT, ensureBuilt, ensureDependencies, runMain } from './lib/tree.mjs';
import { ensureServer } from './vscode/install.mjs';
import { prepareServerData, startServer, workbenchUrl } from './vscode/server.mjs';

const EXAMPLES = join(ROOT, 'examples');
/** Opened first, so that the lenses are there at once. */
const FIRST_FILE = join(EXAMPLES, 'hello.py');

/** @returns {Promise<void>} at the first Ctrl-C or request to end */
function interrupted() {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

/** @param {string} code the desktop VS Code's launcher */
async function openDesktop(code) {
  // A data folder of its own makes this VS Code a process of ours, which Ctrl-C can end;
  // --verbose keeps the launcher attached to it.
  const child = spawn(
    code,
    [
      '--verbose',
      '--new-window',
      '--skip-welcome',
      '--skip-release-notes',
      '--disable-workspace-trust',
      `--user-data-dir=${join(ROOT, '.build', 'vscode-desktop')}`,
      `--extensionDevelopmentPath=${ROOT}`,
      EXAMPLES,
      FIRST_FILE,
    ],
    { stdio: 'ignore', detached: true },
  );
  const ended = new Promise((resolve, reject) => {
    child.once('exit', resolve);
    child.once('error', reject);
  });
  console.log('VS Code opens on examples/. Click "Run on GPU" above a function; Ctrl-C ends it.');
  await Promise.race([ended, interrupted()]);
  await endGroup(child);
}

async function openInBrowser() {
  const serverMain = await ensureServer();
  const { currentVsix } = await import('./lib/vsix.mjs');
  const dataFolder = join(ROOT, '.build', 'vscode-server');
  await prepareServerData(serverMain, dataFolder, {
    vsix: await currentVsix(),
    settings: { 'workbench.startupEditor': 'none', 'telemetry.telemetryLevel': 'off' },
  });
  const connectionToken = randomBytes(24).toString('base64url');
  const server = await startServer(serverMain, { dataFolder, connectionToken });
  try {
    const url = new URL(workbenchUrl(server.port, EXAMPLES, { openFile: FIRST_FILE }));
    url.searchParams.set('tkn', connectionToken);
    console.log(`\nVS Code is at ${url.href}\n`);
    console.log('Click "Run on GPU" above a function. Ctrl-C ends it.');
    await Promise.race([server.exited, interrupted()]);
  } finally {
    await server.stop();
  }
}

await runMain(async () => {
  // Ctrl-C ends the runtime too, and what runs there.
  process.env['VELAR_AWAY_HOURS'] ??= '0';
  await ensureDependencies();
  await ensureBuilt();
  const code = findProgram('code');
  // Inside a remote terminal `code` talks to another machine's window, which can't load this tree.
  const desktop = code !== undefined && process.env['VSCODE_IPC_HOOK_CLI'] === undefined;
  if (desktop) await openDesktop(code);
  else await openInBrowser();
});
