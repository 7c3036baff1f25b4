import * as assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { findPython } from '../../src/client/python';

const run = promisify(execFile);
const PYRIGHT = resolve('node_modules', 'pyright', 'index.js');

/** A Python environment with the SDK as a user has it installed. */
async function environmentWithSdk(folder: string): Promise<NodeJS.ProcessEnv> {
  const python = await findPython(undefined, new AbortController().signal, process.env);
  const environment = join(folder, 'environment');
  await run(python.executable, ['-m', 'venv', '--without-pip', environment]);
  const { stdout } = await run(join(environment, 'bin', 'python'), [
    '-c',
    'import sysconfig; print(sysconfig.get_path("purelib"), end="")',
  ]);
  cpSync(join('runtime', 'python', 'velar'), join(stdout, 'velar'), { recursive: true });
  const bin = join(environment, 'bin');
  return { ...process.env, VIRTUAL_ENV: environment, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
}

describe('the SDK as a type checker sees it', () => {
  it('gives a type and a docstring to everything it exports', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'velar-types-'));
    try {
      const env = await environmentWithSdk(folder);
      const checked = run(
        process.execPath,
        [PYRIGHT, '--ignoreexternal', '--verifytypes', 'velar'],
        { cwd: folder, env },
      );
      const { stdout } = await checked.catch((error: unknown) => error as { stdout: string });
      assert.match(stdout, /Type completeness score: 100%/, stdout);
      assert.match(stdout, /Functions without docstring: 0/, stdout);
      assert.match(stdout, /Classes without docstring: 0/, stdout);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
