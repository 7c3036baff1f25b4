/** Runs .build/test/editor inside VS Code's extension host, with the extension from this tree. */
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTests } from '@vscode/test-electron';
import { ROOT, runMain } from '../lib/tree.mjs';
import { chooseVscode } from '../vscode/choose.mjs';

await runMain(async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'velar-workspace-'));
  const home = join(scratch, 'home');
  const workspace = join(scratch, 'workspace');
  await mkdir(workspace, { recursive: true });
  await writeFile(join(workspace, 'README.md'), 'A workspace for the in-editor tests.\n');
  try {
    return await runTests({
      vscodeExecutablePath:
        (await chooseVscode()) ?? join(ROOT, 'test', 'support', 'vscode', 'codeExecutable.mjs'),
      extensionDevelopmentPath: ROOT,
      extensionTestsPath: join(ROOT, '.build', 'test', 'editor', 'index.js'),
      extensionTestsEnv: { ...process.env, VELAR_HOME: home, VELAR_AWAY_HOURS: '0' },
      launchArgs: [
        workspace,
        '--disable-extensions',
        '--skip-welcome',
        '--disable-workspace-trust',
      ],
    });
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
});
