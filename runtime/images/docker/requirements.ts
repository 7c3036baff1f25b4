/** A requirements file with the files that it includes, and whether files of the image matter to it. */
import { posix } from 'node:path';
import type { BundleFiles } from '../../engines/engine';
import { isPlainPackage } from './installScripts';

export interface Requirements {
  /** Path of the file in the bundle. */
  path: string;
  /** The file and those that it includes with -r and -c, by their paths in the bundle. */
  files: ReadonlyMap<string, string>;
  /** Files that are named and not in the bundle. */
  missing: readonly string[];
  /** True where it names packages and addresses only, so that no file of the image can change what it installs. */
  plain: boolean;
}

/** Follows `-r` and `-c` inside of the bundle. */
export async function readRequirements(path: string, bundle: BundleFiles): Promise<Requirements> {
  const first = posix.normalize(path);
  const files = new Map<string, string>();
  const missing: string[] = [];
  let plain = true;
  const waiting = [first];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (files.has(next)) continue;
    const content = await bundle.read(next);
    if (content === undefined) {
      missing.push(next);
      continue;
    }
    const text = content.toString('utf8');
    files.set(next, text);
    const read = readLines(text);
    plain &&= read.plain;
    for (const included of read.includes) {
      waiting.push(posix.join(posix.dirname(next), included));
    }
  }
  return { path: first, files, missing, plain };
}

/** What the lines of one requirements file name. Pure. */
export function readLines(text: string): { includes: string[]; plain: boolean } {
  const includes: string[] = [];
  let plain = true;
  const lines = text.replace(/\\\r?\n/g, ' ').split(/\r?\n/);
  for (const raw of lines) {
    const line = raw.replace(/(^|\s)#.*$/, '').trim();
    if (line === '') continue;
    const included = /^(?:-r|-c|--requirement|--constraint)[\s=]*(.+)$/.exec(line)?.[1]?.trim();
    if (included !== undefined) {
      if (isAddress(included)) continue;
      if (included.startsWith('/')) plain = false;
      else includes.push(included);
    } else if (line.startsWith('-')) {
      if (!isPlainOption(line)) plain = false;
    } else if (!isPlainRequirement(line)) plain = false;
  }
  return { includes, plain };
}

/** Options of installs may follow a requirement, such as `--hash=sha256:…`. */
function isPlainRequirement(line: string): boolean {
  const requirement = line.replace(/\s--[a-z-]+[\s=].*$/, '');
  const url = /^[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*@\s*(\S+)/.exec(requirement)?.[1];
  return url === undefined ? isPlainPackage(requirement) || isAddress(line) : isAddress(url);
}

function isPlainOption(line: string): boolean {
  const [name = '', value = ''] = line.split(/[\s=]+/, 2);
  const addressed = ['-i', '--index-url', '--extra-index-url', '-f', '--find-links'];
  if (addressed.includes(name)) return isAddress(value);
  return /^--(pre|no-index|no-binary|only-binary|prefer-binary|require-hashes|trusted-host|use-feature)$/.test(
    name,
  );
}

/** On another machine, so no file of the image. */
function isAddress(text: string): boolean {
  return /^(git\+|hg\+|svn\+|bzr\+)?(https?|ssh|git):\/\//.test(text);
}
