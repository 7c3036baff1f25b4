/** The `velar` command: what there is to say, and which file says it. Commands load when they are called. */
import { CommanderError } from 'commander';
import { VelarError } from '../../runtime/protocol/errors';
import { makeContext } from './context';
import { exitCodeOfError, EXIT } from './exitCodes';
import { makeProgram } from './program';
import { exitOnClosedPipe, processTerminal } from './terminal';

async function main(argv: readonly string[]): Promise<number> {
  exitOnClosedPipe();
  const terminal = processTerminal();
  const context = makeContext(terminal);
  let exitCode: number = EXIT.done;
  try {
    await makeProgram(context, (code) => {
      exitCode = code;
    }).parseAsync(argv);
    return exitCode;
  } catch (error) {
    // Commander has said what is wrong, or shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    const failure = VelarError.from(error);
    await terminal.err(`${terminal.paint.red(failure.message)}\n`);
    if (failure.hint !== undefined) await terminal.err(`→ ${failure.hint}\n`);
    if (failure.code === 'internal' && context.environment['VELAR_DEBUG'] !== undefined) {
      await terminal.err(
        `${String(failure.cause instanceof Error ? failure.cause.stack : failure.stack)}\n`,
      );
    }
    if (argv.includes('--json')) await terminal.out(`${JSON.stringify(errorLine(failure))}\n`);
    return exitCodeOfError(failure.code);
  }
}

/** A failure in the form of a run's error, so that a reader of `--json` sees one kind of thing. */
function errorLine({ code, message, hint }: VelarError): object {
  return {
    type: 'error',
    at: Date.now(),
    kind: code === 'cancelled' ? 'cancelled' : 'infrastructure',
    code,
    message,
    traceback: [],
    ...(hint === undefined ? {} : { hint }),
  };
}

void main(process.argv).then((code) => {
  process.exitCode = code;
});
