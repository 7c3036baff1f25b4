/** A diff of versions as lines: what changes in functions first, then files, then code. Pure. */
import { plural } from '../../../runtime/protocol/figures';
import type { FileChange, FullDiff } from './compareVersions';

export interface DiffLine {
  kind: 'plain' | 'title' | 'place' | 'added' | 'removed';
  text: string;
}

/** Files that are named one by one. */
const NAMED_FILES = 200;

/** `most`: lines of code at most; how many more there are is said. */
export function diffLines(
  { from, to, lines, files, notes = [] }: FullDiff,
  most = Infinity,
): DiffLine[] {
  const told = notes.map((note) => plain(`! ${note}`));
  if (lines.length === 0 && files.length === 0) return [plain('nothing changes'), ...told];
  const code = files.flatMap((file) => codeLines(file, from, to));
  const rest = code.length - most;
  return [
    ...lines.map(plain),
    ...files.slice(0, NAMED_FILES).map(fileLine),
    ...(files.length > NAMED_FILES
      ? [plain(`… and ${plural(files.length - NAMED_FILES, 'more file')}`)]
      : []),
    ...told,
    ...(code.length === 0 ? [] : [plain('')]),
    ...code.slice(0, most),
    ...(rest > 0 ? [plain(`… and ${plural(rest, 'more line')} of code`)] : []),
  ];
}

/** What `--json` tells of it. A file has its `patch`, or a `note` that says why not. */
export function diffJson({ app, from, to, lines, files, notes = [] }: FullDiff): object {
  return {
    app,
    from,
    to,
    lines,
    notes,
    files: files.map((file) => {
      const { path, change } = file;
      if ('note' in file) return { path, change, note: file.note };
      const patch = codeLines(file, from, to).map(({ text }) => `${text}\n`);
      return { path, change, patch: patch.join('') };
    }),
  };
}

function fileLine(file: FileChange): DiffLine {
  const signs = { added: '+', changed: '~', removed: '−' } as const;
  const note = 'note' in file ? ` (${file.note})` : '';
  return plain(`${signs[file.change]} ${file.path}${note}`);
}

function codeLines(file: FileChange, from: number | null, to: number): DiffLine[] {
  if ('note' in file) return [];
  const { path, before, after, hunks } = file;
  const named = (text: string | null, version: number | null): string =>
    text === null ? '/dev/null' : `${path}\tversion ${String(version)}`;
  return [
    { kind: 'title', text: `--- ${named(before, from)}` },
    { kind: 'title', text: `+++ ${named(after, to)}` },
    ...hunks.map((text): DiffLine => ({ kind: kindOf(text), text })),
  ];
}

function kindOf(text: string): DiffLine['kind'] {
  if (text.startsWith('@@')) return 'place';
  if (text.startsWith('+')) return 'added';
  return text.startsWith('-') ? 'removed' : 'plain';
}

function plain(text: string): DiffLine {
  return { kind: 'plain', text };
}
