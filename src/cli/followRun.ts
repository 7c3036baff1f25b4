/** Follows a run to its end: shows it, cancels it on Ctrl-C, keeps its result. */
import { writeFile } from 'node:fs/promises';
import type { RunRecord } from '../../runtime/protocol/runRecord';
import type { RunHandle, RuntimeConnection } from '../client/api';
import { newAlerts } from '../client/budgetAlerts';
import { budgetAlertText } from '../client/costText';
import type { CliContext } from './context';
import { exitCodeOfRun } from './exitCodes';
import { resultBytes } from './format';
import { HumanRunReporter } from './humanRun';
import { JsonRunReporter } from './jsonRun';

export interface FollowOptions {
  json: boolean;
  /** What goes on before the first phase. */
  preparing?: string;
  /** File for the result. */
  output?: string;
  /** Whose budgets to warn of; where it is not given, nobody is warned. */
  budgets?: Pick<RuntimeConnection, 'onBudgets'>;
  /** What Ctrl-C does; by default it cancels the run. */
  onInterrupt?: 'cancel' | 'leave';
}

/** Resolves with the final record. Rejects when the run could not be started or its runtime is lost. */
export async function followRun(
  context: CliContext,
  handle: RunHandle,
  options: FollowOptions,
): Promise<RunRecord> {
  const reporter = options.json
    ? new JsonRunReporter(context.terminal)
    : new HumanRunReporter(context.terminal, options.preparing ?? 'waiting for the runtime');
  handle.onEvents((events, record) => {
    reporter.events(events, record);
  });
  let told: readonly string[] = [];
  const unwatch = options.budgets?.onBudgets((budgets) => {
    const { fresh, told: all } = newAlerts(budgets, told);
    told = all;
    // One that is spent is the run's own error.
    for (const alert of fresh)
      if (alert.state === 'warned') reporter.notice(budgetAlertText(alert));
  });
  handle.onOutput((chunk) => reporter.output(chunk));
  if (options.onInterrupt !== 'leave') {
    context.interrupts.handle(() => {
      reporter.cancelling();
      // A cancel that can't be delivered is told by the run's own end.
      handle.cancel().catch(() => undefined);
    });
  }
  try {
    const record = await handle.ended;
    reporter.ended(record);
    if (options.output !== undefined && record.result !== null) {
      await writeFile(options.output, resultBytes(record.result));
    }
    return record;
  } finally {
    unwatch?.();
    reporter.close();
  }
}

/** The same, down to the exit code. */
export async function followToExit(
  context: CliContext,
  handle: RunHandle,
  { json, output }: { json: boolean; output?: string },
  preparing: string,
): Promise<number> {
  const record = await followRun(context, handle, {
    json,
    preparing,
    ...(output === undefined ? {} : { output }),
  });
  return exitCodeOfRun(record);
}
