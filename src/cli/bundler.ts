/** Bundles for the command line: names what is missing, asks before much is sent. */
import { VelarError } from '../../runtime/protocol/errors';
import type { Bundle } from '../client/bundle/bundle';
import { WorkspaceBundler } from '../client/bundle/workspaceBundler';
import type { Bundler } from '../client/runs';
import type { CliContext } from './context';
import { formatBytes } from '../../runtime/protocol/figures';

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
  const answer = await terminal.ask(
    `The files to send come to ${formatBytes(bundle.totalBytes)}; the largest:\n${largest
      .map((entry) => `  ${formatBytes(entry.size).padStart(9)}  ${entry.path}\n`)
      .join('')}Send them? [y/N] `,
    `They come to ${formatBytes(bundle.totalBytes)}. Leave files out with .velarignore, or pass --yes.`,
    signal,
  );
  if (!/^y(es)?$/i.test(answer)) throw new VelarError('cancelled', 'Nothing was sent.');
}
