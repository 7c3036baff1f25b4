/** `velar run`: ships a function as it is on disk, runs it, shows everything about it. */
import { VelarError } from '../../../runtime/protocol/errors';
import type { CallArguments } from '../../../runtime/protocol/values';
import type { ClientConnection, RunHandle, RunRequest } from '../../client/api';
import { startLocalEntrypoint } from '../../client/localEntrypoint';
import { findPython } from '../../client/python';
import { startRun } from '../../client/runs';
import { checkArguments, parseCallArguments } from '../argumentLists';
import { cliBundler } from '../bundler';
import { pythonPackages, type CliContext } from '../context';
import { exitCodeOfRun } from '../exitCodes';
import { followRun } from '../followRun';
import { withRuntime } from '../session';
import { resolveTarget, type Target } from '../target';

export interface RunOptions {
  json: boolean;
  args?: string;
  kwargs?: string;
  instanceArgs?: string;
  instanceKwargs?: string;
  runtime?: string;
  engine?: string;
  cpu: boolean;
  output?: string;
  yes: boolean;
}

export async function run(
  context: CliContext,
  targetText: string,
  options: RunOptions,
): Promise<number> {
  const target = resolveTarget(targetText, context.cwd);
  const request = requestOf(target, options);
  // Found while the runtime starts.
  const python =
    request.kind === 'local_entrypoint'
      ? findPython(undefined, context.interrupts.signal, context.environment)
      : undefined;
  python?.catch(() => undefined);
  return withRuntime(context, options, async (connection) => {
    const handle = await start(context, connection, request, options, await python);
    const record = await followRun(context, handle, {
      json: options.json,
      preparing: `collecting the files in ${request.root}`,
      ...(options.output === undefined ? {} : { output: options.output }),
    });
    return exitCodeOfRun(record);
  });
}

async function start(
  context: CliContext,
  connection: ClientConnection,
  request: RunRequest,
  options: RunOptions,
  python: { executable: string } | undefined,
): Promise<RunHandle> {
  const bundler = cliBundler(context, options.yes);
  if (python === undefined) return startRun(connection, bundler, request);
  return startLocalEntrypoint(
    connection,
    bundler,
    { executable: python.executable, packages: pythonPackages(context) },
    request,
  );
}

function requestOf({ root, file, found }: Target, options: RunOptions): RunRequest {
  const call = parseCallArguments(options.args, options.kwargs, {
    args: '--args',
    kwargs: '--kwargs',
  });
  checkArguments(found.qualname, found.parameters, call);
  const instance = instanceOf(found.kind, options);
  return {
    root,
    file,
    qualname: found.qualname,
    kind: found.kind,
    arguments: call,
    ...(instance === undefined ? {} : { instance }),
    cpu: options.cpu,
  };
}

/** Constructor arguments, for methods. Throws `invalid` where they have no meaning. */
function instanceOf(kind: string, options: RunOptions): CallArguments | undefined {
  const { instanceArgs, instanceKwargs } = options;
  if (kind === 'method') {
    return parseCallArguments(instanceArgs, instanceKwargs, {
      args: '--instance-args',
      kwargs: '--instance-kwargs',
    });
  }
  if (instanceArgs === undefined && instanceKwargs === undefined) return undefined;
  throw new VelarError('invalid', '--instance-args and --instance-kwargs are for methods.', {
    hint: 'Leave them out: a function has no constructor.',
  });
}
