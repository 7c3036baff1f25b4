/** Lines for `.velarignore` that bring an excluded module into the bundle. Pure. */
import type { BundleDecision } from './bundle';

export interface TakeBack {
  /** The file, or the folder with `/` at its end, that comes back. */
  readonly path: string;
  /** What to add to the root's `.velarignore`. */
  readonly line: string;
  /** Why it was left out. */
  readonly reason: string;
}

/**
 * What takes back the module `name` (dotted). Undefined where nothing of that name is excluded, where it
 * is never sent, or where an ignore file deeper than the root has the last word.
 */
export function takeBack(
  decisions: readonly BundleDecision[],
  roots: readonly string[],
  name: string,
): TakeBack | undefined {
  const parts = name.split('.');
  const places = roots.flatMap((root) =>
    parts.flatMap((_, index) => {
      const path = [...(root === '' ? [] : root.split('/')), ...parts.slice(0, index + 1)].join(
        '/',
      );
      return [`${path}/`, `${path}.py`];
    }),
  );
  const found = decisions.find(({ path, sent }) => !sent && places.includes(path));
  if (found === undefined || !/^ignored by (.*\.gitignore|\.velarignore)(:|$)/.test(found.reason)) {
    return undefined;
  }
  return { path: found.path, line: `!/${escaped(found.path)}`, reason: found.reason };
}

/** The text with the line at its end. */
export function withLine(text: string, line: string): string {
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`;
}

function escaped(path: string): string {
  return path.replaceAll(/[*?[\]\\]/g, String.raw`\$&`);
}
