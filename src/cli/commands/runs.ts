/** `velar ps`, `logs`, `cancel`, `stop`, `status`: what is and was going on on a runtime. */
import { VelarError } from '../../../runtime/protocol/errors';
import type { Container, RunSummary } from '../../../runtime/protocol/methods';
import { attachRun } from '../../client/runs';
import type { CliContext } from '../context';
import { exitCodeOfRun, EXIT } from '../exitCodes';
import { followRun } from '../followRun';
import { formatBytes, formatMs, formatUsd, plural } from '../../../runtime/protocol/figures';
import { formatTable } from '../../client/textTable';
import { withRuntime, type RuntimeOptions } from '../session';

interface Options extends RuntimeOptions {
  json: boolean;
}

/**
 * Containers and runs that are active; with `all` the newest runs that are over, too. Calls of endpoints are counted;
 * with `endpoints` they are what is listed.
 */
export function ps(
  context: CliContext,
  options: Options & { all: boolean; endpoints: boolean },
): Promise<number> {
  return withRuntime(context, options, async (connection) => {
    const { all, endpoints } = options;
    const { containers } = await connection.request('container.list', {});
    const { runs, activeEndpointCalls = 0 } = await connection.request('run.list', {
      limit: 100,
      ...(endpoints ? { endpoints } : {}),
    });
    const shown = all ? runs : runs.filter(({ status }) => status === 'active');
    const calls = endpoints ? 0 : activeEndpointCalls;
    if (options.json) {
      const told = { runs: shown, containers, activeEndpointCalls };
      await context.terminal.out(`${JSON.stringify(told)}\n`);
    } else {
      await context.terminal.out(`${psText(shown, containers, calls)}\n`);
    }
    return EXIT.done;
  });
}

function psText(
  runs: readonly RunSummary[],
  containers: readonly Container[],
  endpointCalls: number,
): string {
  const parts: string[] = [];
  if (runs.length > 0) {
    parts.push(
      formatTable(
        ['RUN', 'FUNCTION', 'STATUS', 'STARTED', 'TIME', 'COST'],
        runs.map((run) => [
          run.run,
          `${run.file}::${run.qualname}`,
          run.error === null ? run.status : `${run.status} (${run.error.kind})`,
          timeOf(run.startedAt),
          formatMs(run.ms ?? Date.now() - run.startedAt),
          run.usd === null ? '' : formatUsd(run.usd),
        ]),
      ),
    );
  }
  if (containers.length > 0) {
    parts.push(
      formatTable(
        ['CONTAINER', 'APP', 'STATE', 'GPU', 'MEMORY', 'GPU MEMORY', 'UNTIL'],
        containers.map((one) => [
          one.container,
          one.app,
          one.state,
          one.gpu ?? 'CPU',
          one.memoryBytes === null ? 'unknown' : formatBytes(one.memoryBytes),
          gpuMemory(one),
          one.idleUntil === null ? '' : timeOf(one.idleUntil),
        ]),
      ),
    );
  }
  if (endpointCalls > 0) {
    const go = endpointCalls === 1 ? 'goes' : 'go';
    parts.push(
      `${plural(endpointCalls, 'call')} of endpoints ${go} on: \`velar ps --endpoints\` lists them.`,
    );
  }
  return parts.length === 0 ? 'Nothing is running.' : parts.join('\n\n');
}

function gpuMemory({ gpu, gpuMemoryBytes = null }: Container): string {
  if (gpu === null) return '';
  return gpuMemoryBytes === null ? 'unknown' : formatBytes(gpuMemoryBytes);
}

function timeOf(at: number): string {
  return new Date(at).toLocaleTimeString();
}

/** A run's output and outcome; one that is active is followed to its end. Ctrl-C leaves it running. */
export function logs(
  context: CliContext,
  run: string,
  options: Options & { after: number },
): Promise<number> {
  checkRunId(run);
  return withRuntime(context, options, async (connection) => {
    const handle = attachRun(connection, run, options.after);
    const { signal } = context.interrupts;
    const left = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(new VelarError('cancelled', 'Left; the run goes on.'));
      });
    });
    const record = await Promise.race([
      followRun(context, handle, { json: options.json, onInterrupt: 'leave' }),
      left,
    ]);
    // The logs were shown, whatever became of the run.
    return exitCodeOfRun(record) === EXIT.unreachable ? EXIT.unreachable : EXIT.done;
  });
}

export function cancel(context: CliContext, id: string, options: Options): Promise<number> {
  checkRunId(id);
  return withRuntime(context, options, async (connection) => {
    await connection.request('run.cancel', { run: id });
    await say(context, options, { cancelled: id }, `Cancelled ${id}.`);
    return EXIT.done;
  });
}

/** Stops a container; the id of a run cancels that run. */
export function stop(context: CliContext, id: string, options: Options): Promise<number> {
  if (id.startsWith('run-')) return cancel(context, id, options);
  return withRuntime(context, options, async (connection) => {
    await connection.request('container.stop', { container: id });
    await say(context, options, { stopped: id }, `Stopped ${id}.`);
    return EXIT.done;
  });
}

/** The runtime in one look: what it is, its GPUs, what it does now. */
export function status(context: CliContext, options: Options): Promise<number> {
  return withRuntime(context, options, async (connection) => {
    const info = await connection.request('runtime.info', {});
    const { containers } = await connection.request('container.list', {});
    const { runs, activeEndpointCalls = 0 } = await connection.request('run.list', { limit: 100 });
    const active = runs.filter(({ status }) => status === 'active');
    const gpus = info.gpus.map((gpu) => gpu.name).join(', ');
    const text = [
      `${info.name} ${info.version}, ${info.engine} engine, on ${info.platform}`,
      `Python ${info.python === null ? 'not found' : `${info.python.version} (${info.python.executable})`}`,
      gpus === '' ? (info.gpuNote ?? 'No GPU') : `GPUs: ${gpus}`,
      psText(active, containers, activeEndpointCalls),
    ].join('\n');
    await say(context, options, { runtime: info, runs: active, containers }, text);
    return EXIT.done;
  });
}

async function say(
  context: CliContext,
  { json }: Options,
  object: object,
  text: string,
): Promise<void> {
  await context.terminal.out(`${json ? JSON.stringify(object) : text}\n`);
}

/** Throws `invalid`. */
export function checkRunId(id: string): void {
  if (/^run-[0-9a-z]{10,32}$/.test(id)) return;
  throw new VelarError('invalid', `${JSON.stringify(id)} is no id of a run.`, {
    hint: '`velar ps --all` lists them.',
  });
}
