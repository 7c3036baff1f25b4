/** Ignore files, with git's precedence: the deepest file that has an opinion decides. */
import ignore from 'ignore';
import type { Ignore } from 'ignore';

/** `.velarignore` is asked first: it can exclude more, and take back what `.gitignore` excludes. */
export const ignoreFileNames = ['.velarignore', '.gitignore'] as const;
type IgnoreFileName = (typeof ignoreFileNames)[number];

interface RuleFile {
  /** Folder of the ignore file, with `/` at its end; empty for the top. */
  readonly folder: string;
  readonly rules: Ignore;
}

export interface IgnoreDecision {
  readonly ignored: boolean;
  /** `ignored by pkg/.gitignore:3`, or `taken back by .velarignore:1`. */
  readonly reason: string;
}

const foldsCase = process.platform === 'win32' || process.platform === 'darwin';

/** The rules that hold in one folder. Immutable: each folder's rules extend those of its parent. */
export class IgnoreRules {
  private constructor(private readonly files: ReadonlyMap<IgnoreFileName, readonly RuleFile[]>) {}

  static readonly none = new IgnoreRules(new Map());

  /** Rules with an ignore file added. `folder` is relative to the top, `/` between parts. */
  with(folder: string, name: IgnoreFileName, text: string): IgnoreRules {
    const rules = ignore({ ignorecase: foldsCase });
    for (const [index, pattern] of text.split(/\r?\n/).entries()) {
      rules.add({ pattern, mark: String(index + 1) });
    }
    const file = { folder: folder === '' ? '' : `${folder}/`, rules };
    const files = new Map(this.files);
    files.set(name, [file, ...(files.get(name) ?? [])]);
    return new IgnoreRules(files);
  }

  /** Rules inside a folder that `.velarignore` took back: outer `.gitignore` files no longer count. */
  takenBack(): IgnoreRules {
    const files = new Map(this.files);
    files.delete('.gitignore');
    return new IgnoreRules(files);
  }

  /** What the rules say of a path relative to the top; a folder's ends in `/`. Undefined: nothing. */
  decide(path: string): IgnoreDecision | undefined {
    for (const name of ignoreFileNames) {
      for (const file of this.files.get(name) ?? []) {
        const decision = decideBy(file, name, path);
        if (decision !== undefined) return decision;
      }
    }
    return undefined;
  }
}

function decideBy(file: RuleFile, name: string, path: string): IgnoreDecision | undefined {
  const { ignored, unignored, rule } = file.rules.test(path.slice(file.folder.length));
  if (!ignored && !unignored) return undefined;
  const line = rule?.mark === undefined ? '' : `:${rule.mark}`;
  const source = `${file.folder}${name}${line}`;
  return ignored
    ? { ignored, reason: `ignored by ${source}` }
    : { ignored, reason: `taken back by ${source}` };
}
