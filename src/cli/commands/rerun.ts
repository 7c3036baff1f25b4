/** `velar rerun`: the inputs that failed in a run's `.map`s, once more with the code as it is on disk now. */
import { existsSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { VelarError } from '../../../runtime/protocol/errors';
import { startRerun } from '../../client/runs';
import { cliBundler } from '../bundler';
import type { CliContext } from '../context';
import { exitCodeOfRun } from '../exitCodes';
import { followRun } from '../followRun';
import { withRuntime, type RuntimeOptions } from '../session';
import { bundleRoot } from '../target';
import { checkRunId } from './runs';

export interface RerunOptions extends RuntimeOptions {
  json: boolean;
  cpu: boolean;
  yes: boolean;
}

/** `path`: where the file is now; by default where the run had it, from the current folder. */
export async function rerun(
  context: CliContext,
  of: string,
  path: string | undefined,
  options: RerunOptions,
): Promise<number> {
  checkRunId(of);
  return withRuntime(context, options, async (connection) => {
    // What can't be run again is said before any file is looked at.
    const failed = await connection.request('run.failedInputs', { run: of });
    const { root, file } = place(of, path ?? failed.file, context.cwd);
    const { qualname } = failed;
    const handle = startRerun(connection, cliBundler(context, options.yes), {
      of,
      root,
      file,
      qualname,
      cpu: options.cpu,
    });
    const record = await followRun(context, handle, {
      json: options.json,
      preparing: `collecting the files in ${root}`,
    });
    return exitCodeOfRun(record);
  });
}

function place(of: string, given: string, cwd: string): { root: string; file: string } {
  const path = resolve(cwd, given);
  if (!existsSync(path)) {
    throw new VelarError('not-found', `There is no file ${given} in ${cwd}.`, {
      hint: `Go to the folder that the run started from, or name the file: velar rerun ${of} PATH.`,
    });
  }
  const root = bundleRoot(path, cwd);
  return { root, file: relative(root, path).split(sep).join('/') };
}
