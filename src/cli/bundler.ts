/** Bundles for the command line: names what is missing, asks before much is sent. */
import { createInterface } from 'node:readline/promises';
import { VelarError } from '../../runtime/protocol/errors';
import type { Bundle } from '../client/bundle/bundle';
import { WorkspaceBundler } from '../client/bundle/workspaceBundler';
import type { Bundler } from '../client/runs';
import type { CliContext } from './context';
import { formatBytes } from './format';

/** `sendLarge`: the person has said that size is no matter. */
export function cliBundler(context: CliContext, sendLarge: boolean): Bundler {
  const bundler = new WorkspaceBundler();
  return {
    async build(root, file, overlay, signal) {
      const bundle = await bundler.build(root, file, overlay, signal);
      warnOfMissing(context, bundle);
      if (bundle.needsConfirmation && !sendLarge) await confirmSize(context, bundle, signal);
      return bundle;
    },
  };
}

/** A module that will not be found there is better named here than in a traceback from afar. */
function warnOfMissing({ terminal }: CliContext, bundle: Bundle): void {
  for (const { module, file, line } of bundle.missing) {
    void terminal.err(
      terminal.paint.yellow(
        `${file}:${String(line)} imports ${module}, which is not in ${bundle.root}: it will be missing.`,
      ) + '\n',
    );
  }
}

async function confirmSize(
  { terminal }: CliContext,
  bundle: Bundle,
  signal: AbortSignal,
): Promise<void> {
  const largest = [...bundle.files].sort((a, b) => b.size - a.size).slice(0, 5);
  const size = formatBytes(bundle.totalBytes);
  await terminal.err(
    `The files to send come to ${size}; the largest:\n${largest
      .map((entry) => `  ${formatBytes(entry.size).padStart(9)}  ${entry.path}\n`)
      .join('')}`,
  );
  if (process.stdin.isTTY) {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    try {
      const answer = await lines.question('Send them? [y/N] ', { signal });
      if (/^y(es)?$/i.test(answer.trim())) return;
    } finally {
      lines.close();
    }
    throw new VelarError('cancelled', 'Nothing was sent.');
  }
  throw new VelarError('too-large', `The bundle of ${size} was not sent without being asked for.`, {
    hint: 'Leave files out with .velarignore, or pass --yes.',
  });
}
