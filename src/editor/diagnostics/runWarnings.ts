/** What a run warns of: Python's own warnings in its output, the CPU instead of a GPU, slow steps. Pure. */
import { formatMs } from '../../../runtime/protocol/figures';
import type { LogLine } from '../../../runtime/protocol/logChunks';
import type { RunRecord } from '../../../runtime/protocol/runRecord';
import { slowness } from '../../../runtime/protocol/slowness';
import type { DiscoveredFunction } from '../../discovery/model';

export interface PythonWarning {
  /** As printed: absolute, where the code ran. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly category: string;
  readonly message: string;
}

/** Warnings that the `warnings` module printed, in order. */
export function pythonWarnings(lines: readonly LogLine[]): PythonWarning[] {
  return lines.flatMap(({ stream, text }) => {
    if (stream !== 'stderr' || !text.includes('Warning: ')) return [];
    const match = /^(.+\.py):(\d+): (?:[\w.]+\.)?(\w*Warning): (.*)$/.exec(text.trimEnd());
    const [, file, line, category, message] = match ?? [];
    if (file === undefined || category === undefined || message === undefined) return [];
    return [{ file, line: Number(line), category, message }];
  });
}

/**
 * The paths in the bundle that a file of a container may have, the likeliest first: containers keep the
 * bundle in a folder `app`. None for what was installed.
 */
export function bundlePaths(file: string): string[] {
  const parts = file.split('/');
  if (parts.some((part) => part === 'site-packages' || part === 'dist-packages')) return [];
  return parts.flatMap((part, index) => {
    const rest = parts.slice(index + 1).join('/');
    return part === 'app' && rest !== '' ? [rest] : [];
  });
}

/** Where it took place of a GPU, and what took longer than it usually does; for the function's decorator. */
export function runNotes(record: RunRecord, found: DiscoveredFunction): string[] {
  const notes: string[] = [];
  const wanted = found.gpu ?? (found.dynamicOptions.includes('gpu') ? 'a GPU' : undefined);
  if (wanted !== undefined && record.device === 'cpu') {
    notes.push(
      `${found.qualname} asks for ${wanted}, and ran on the CPU. On a GPU it may take far less time.`,
    );
  }
  for (const phase of record.phases) {
    // The two that download: packages and base images, weights.
    if (phase.phase !== 'image' && phase.phase !== 'model-load') continue;
    if (phase.ms === null || phase.status === 'skipped') continue;
    const slow = slowness(phase, phase.ms);
    if (slow === null) continue;
    const detail = phase.detail === null ? '' : ` (${phase.detail})`;
    notes.push(`${phase.phase} took ${formatMs(phase.ms)}${detail}, ${slow}.`);
  }
  return notes;
}
