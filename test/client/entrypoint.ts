/** Local entrypoints of a test's own folder. */
import { resolve } from 'node:path';
import type { ClientConnection, RunHandle } from '../../src/client/api';
import { WorkspaceBundler } from '../../src/client/bundle/workspaceBundler';
import { startLocalEntrypoint } from '../../src/client/localEntrypoint';
import { findPython } from '../../src/client/python';

/** Starts one of `root`'s app.py, with these arguments by position. */
export async function startEntrypoint(
  connection: ClientConnection,
  root: string,
  qualname: string,
  args: readonly (string | number | boolean)[] = [],
): Promise<RunHandle> {
  const { executable } = await findPython(undefined);
  return startLocalEntrypoint(
    connection,
    new WorkspaceBundler(),
    { executable, packages: resolve('dist', 'python') },
    {
      root,
      file: 'app.py',
      qualname,
      kind: 'local_entrypoint',
      arguments: { args: args.map((json) => ({ json })), kwargs: {} },
      cpu: false,
    },
  );
}
