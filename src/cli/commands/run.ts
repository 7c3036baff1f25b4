/** `velar run`: ships a function as it is on disk, runs it, shows everything about it. */
import { VelarError } from '../../../runtime/protocol/errors';
import type { CallArguments } from '../../../runtime/protocol/values';
import type { ClientConnection, RunHandle, RunRequest, RuntimeAddress } from '../../client/api';
import { startDetachedEntrypoint } from '../../client/detachedEntrypoint';
import { startLocalEntrypoint, type LocalPython } from '../../client/localEntrypoint';
import { findPython } from '../../client/python';
import { startRun } from '../../client/runs';
import { checkArguments, parseCallArguments } from '../argumentLists';
import { cliBundler } from '../bundler';
import { CLIENT, entrypointScript, pythonPackages, type CliContext } from '../context';
import { EXIT, exitCodeOfRun } from '../exitCodes';
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
  /** Print the run's id once it goes on by itself, and leave. */
  detach: boolean;
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
  if (options.detach && options.output !== undefined) {
    throw new VelarError('invalid', '--output waits for the result, and --detach does not.', {
      hint: 'Leave one of them out.',
    });
  }
  return withRuntime(context, options, async (connection, address) => {
    const found = await python;
    if (options.detach) {
      return detach(context, options, () =>
        startDetached(context, connection, address, request, options, found),
      );
    }
    const handle = start(context, connection, request, options, found);
    const record = await followRun(context, handle, {
      json: options.json,
      budgets: connection,
      preparing: `collecting the files in ${request.root}`,
      ...(options.output === undefined ? {} : { output: options.output }),
    });
    return exitCodeOfRun(record);
  });
}

type Python = { executable: string } | undefined;

function start(
  context: CliContext,
  connection: ClientConnection,
  request: RunRequest,
  options: RunOptions,
  python: Python,
): RunHandle {
  const bundler = cliBundler(context, options.yes);
  if (python === undefined) return startRun(connection, bundler, request);
  return startLocalEntrypoint(connection, bundler, pythonOf(context, python), request);
}

/** A local entrypoint gets a process of its own. */
function startDetached(
  context: CliContext,
  connection: ClientConnection,
  address: RuntimeAddress,
  request: RunRequest,
  options: RunOptions,
  python: Python,
): RunHandle {
  const bundler = cliBundler(context, options.yes);
  if (python === undefined) return startRun(connection, bundler, request);
  const { url, token, fingerprint } = address;
  const host = {
    script: entrypointScript(context),
    execPath: process.execPath,
    address: { url, token, ...(fingerprint === undefined ? {} : { fingerprint }) },
    client: CLIENT,
    python: pythonOf(context, python),
  };
  return startDetachedEntrypoint(connection, bundler, host, request);
}

function pythonOf(context: CliContext, { executable }: NonNullable<Python>): LocalPython {
  return { executable, packages: pythonPackages(context) };
}

/** Says which run it is once it needs this command no more. What ends before that is told as it ended. */
async function detach(
  context: CliContext,
  { json }: RunOptions,
  begin: () => RunHandle,
): Promise<number> {
  const handle = begin();
  const { interrupts, terminal } = context;
  // Until it goes on by itself, an interrupt ends it.
  interrupts.handle(() => {
    handle.cancel().catch(() => undefined);
  });
  const left = await Promise.race([handle.detached.then(() => undefined), handle.ended]);
  if (left !== undefined && left.status !== 'succeeded') {
    await terminal.err(`${left.error?.message ?? `The run ${left.status}.`}\n`);
    return exitCodeOfRun(left);
  }
  await terminal.out(json ? `${JSON.stringify({ run: handle.run })}\n` : `${handle.run}\n`);
  return EXIT.done;
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
