/** `velar compare`: staging and production called in turn with the same inputs. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { VelarError } from '../../../runtime/protocol/errors';
import { progressText } from '../../../runtime/protocol/compareTexts';
import type { ClientConnection } from '../../client/api';
import { Comparer, servedNumber, type ComparePlan } from '../../client/compare/comparer';
import { inputsOfLines, inputsOfOptions, type GivenInput } from '../compareInputs';
import { comparisonText } from '../comparisonText';
import type { CliContext } from '../context';
import { EXIT } from '../exitCodes';
import { functionOf } from '../named';
import { withRuntime, type RuntimeOptions } from '../session';

export interface CompareOptions extends RuntimeOptions {
  json: boolean;
  args?: string[];
  kwargs?: string[];
  instanceArgs?: string;
  instanceKwargs?: string;
  /** A file with an input a line. */
  inputs?: string;
  calls: number;
  tolerance: number;
}

/** Ends with 1 where results differ or a call of either failed. */
export async function compare(
  context: CliContext,
  target: string,
  options: CompareOptions,
): Promise<number> {
  const { app, qualname } = functionOf(target, 'velar compare demo.hello');
  const { calls, tolerance, json } = options;
  const { terminal, interrupts } = context;
  const { signal } = interrupts;
  const given = await inputsOf(context, options);
  return withRuntime(context, options, async (connection) => {
    const plan = await planOf(connection, app, qualname, given, signal);
    const comparer = new Comparer(
      { ...plan, connection, app, qualname, calls, signal },
      tolerance,
      () => {
        if (terminal.live) void terminal.err(`\r\x1b[2K${progressText(comparer.view)}`);
      },
    );
    await comparer.run();
    if (terminal.live) await terminal.err('\r\x1b[2K');
    const { view } = comparer;
    await terminal.out(
      json ? `${JSON.stringify(view)}\n` : `${comparisonText(view, terminal.paint)}\n`,
    );
    if (view.status === 'cancelled') return EXIT.cancelled;
    if (view.problem !== null) {
      const { message, hint } = view.problem;
      throw new VelarError('internal', message, hint === null ? {} : { hint });
    }
    const failed = view.staging.failed + view.production.failed;
    return view.differing > 0 || failed > 0 ? EXIT.raised : EXIT.done;
  });
}

async function inputsOf(context: CliContext, options: CompareOptions): Promise<GivenInput[]> {
  const { inputs, args = [], kwargs = [], instanceArgs, instanceKwargs } = options;
  if (inputs === undefined) {
    return inputsOfOptions(args, kwargs, {
      ...(instanceArgs === undefined ? {} : { args: instanceArgs }),
      ...(instanceKwargs === undefined ? {} : { kwargs: instanceKwargs }),
    });
  }
  if (args.length + kwargs.length > 0) {
    throw new VelarError(
      'invalid',
      'Inputs come from --inputs or from --args and --kwargs, not both.',
    );
  }
  const path = resolve(context.cwd, inputs);
  try {
    return inputsOfLines(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof VelarError) throw error;
    throw new VelarError('not-found', `${inputs} can't be read.`, { cause: error });
  }
}

/** Throws `not-found` where an environment serves no such function. */
async function planOf(
  connection: ClientConnection,
  app: string,
  qualname: string,
  given: readonly GivenInput[],
  signal: AbortSignal,
): Promise<ComparePlan> {
  const { apps } = await connection.request('deployment.list', {}, signal);
  const versions = apps.find((each) => each.app === app)?.versions ?? [];
  const served = (environment: 'staging' | 'production'): number => {
    const number = servedNumber(apps, app, environment);
    const version = versions.find((each) => each.version === number);
    if (version?.functions.some((each) => each.qualname === qualname) === true) {
      return version.version;
    }
    const has = version?.functions.map((each) => each.qualname).join(', ');
    throw new VelarError('not-found', `In ${environment}, ${app} serves no function ${qualname}.`, {
      hint:
        has !== undefined
          ? `It has ${has}.`
          : environment === 'staging'
            ? 'Deploy it with `velar deploy FILE`.'
            : `Promote a version of staging with \`velar promote ${app}\`.`,
    });
  };
  return {
    versions: { staging: served('staging'), production: served('production') },
    inputs: given.map(({ label, call }) => ({ label, calls: { staging: call, production: call } })),
    notes: [],
  };
}
