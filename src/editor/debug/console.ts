/** A run's output in the debug console: each line once, with a link where a traceback names a file. */
import { formatMs, formatUsd } from '../../../runtime/protocol/figures';
import type { LogLine } from '../../../runtime/protocol/logChunks';
import type { RunRecord } from '../../../runtime/protocol/runRecord';
import { findFrames } from '../diagnostics/tracebackLinks';
import type { DapBody } from './dap';
import { baseName } from './paths';

type Write = (category: string, text: string, at?: { source: DapBody; line: number }) => void;

/** `locate`: what the editor calls a file that a traceback names; undefined for one of the container. */
export function writeLines(
  lines: readonly LogLine[],
  locate: (file: string) => string | undefined,
  write: Write,
): void {
  for (const { stream, text, partial } of lines) {
    const [frame] = findFrames(text);
    const path = frame === undefined ? undefined : locate(frame.file);
    const at =
      frame === undefined || path === undefined
        ? undefined
        : { source: { path, name: baseName(path) }, line: frame.line };
    write(stream, partial ? text : `${text}\n`, at);
  }
}

/** How the run went, as the last line. */
export function endText({ qualname, status, ms, cost, error }: RunRecord): string {
  const took = ms === null ? '' : ` after ${formatMs(ms)}`;
  const paid = cost === null ? '' : ` · ${formatUsd(cost.usd)}`;
  const why = error === null || status === 'cancelled' ? '' : `: ${error.message}`;
  return `${qualname} ${status}${took}${paid}${why}\n`;
}
