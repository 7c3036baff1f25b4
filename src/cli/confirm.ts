/** A question before something is removed. */
import type { CliContext } from './context';

/** True for a yes; `yes` answers it beforehand. Throws `invalid` where there is no terminal to ask on. */
export async function confirmed(
  { terminal, interrupts }: CliContext,
  question: string,
  yes: boolean,
): Promise<boolean> {
  if (yes) return true;
  const answer = await terminal.ask(`${question} [y/N] `, 'Say it with --yes.', interrupts.signal);
  return /^y(es)?$/i.test(answer);
}
