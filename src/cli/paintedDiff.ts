/** A diff of versions for a terminal, in colours where it has them. Pure. */
import type { FullDiff } from '../client/versions/compareVersions';
import { diffLines, type DiffLine } from '../client/versions/diffText';
import type { Paint } from './terminal';

/** `most`: lines of code at most. */
export function paintedDiff(diff: FullDiff, paint: Paint, most?: number): string {
  const painters: Record<DiffLine['kind'], (text: string) => string> = {
    plain: (text) => text,
    title: paint.bold,
    place: paint.dim,
    added: paint.green,
    removed: paint.red,
  };
  return diffLines(diff, most)
    .map(({ kind, text }) => `${text === '' ? '' : `  ${painters[kind](text)}`}\n`)
    .join('');
}
