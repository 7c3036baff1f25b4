import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * The VSIX of the sources as they are now, made on first use and whenever a source is newer.
 * @returns its absolute path
 * @throws when it does not build, with what the build printed
 */
export async function currentVsix(): Promise<string> {
  const script = "import('./scripts/lib/vsix.mjs').then((m) => m.currentVsix()).then(console.log)";
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script]);
  return stdout.trim();
}
