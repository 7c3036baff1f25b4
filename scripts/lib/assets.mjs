import { existsSync, readdirSync, statSync } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

const SKIPPED = new Set(['__pycache__', '.pytest_cache', '.mypy_cache', '.ruff_cache']);

/**
 * Every file under a folder, as absolute paths; Python's caches are left out.
 * @param {string} folder absolute path; a folder that does not exist has no files
 * @returns {string[]} sorted
 */
export function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      if (SKIPPED.has(entry.name)) return [];
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesUnder(path) : [path];
    })
    .sort();
}

/**
 * Newest modification time below the given paths (files or folders), in ms; 0 when none exists.
 * @param {string[]} paths absolute
 * @returns {number}
 */
export function newestMs(paths) {
  let newest = 0;
  for (const path of paths) {
    if (!existsSync(path)) continue;
    const files = statSync(path).isDirectory() ? filesUnder(path) : [path];
    for (const file of files) newest = Math.max(newest, statSync(file).mtimeMs);
  }
  return newest;
}

/**
 * Names of the Python packages in a folder: the subfolders with an __init__.py.
 * @param {string} folder absolute; one that does not exist holds none
 * @returns {string[]}
 */
export function pythonPackages(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => existsSync(join(folder, name, '__init__.py')));
}

/**
 * Makes `target` hold exactly the files of `source`. Files are replaced one by one rather than the
 * folder as a whole, so that a process reading the folder meanwhile never finds it empty.
 * @param {string} source absolute folder
 * @param {string} target absolute folder
 */
export async function mirrorFolder(source, target) {
  const wanted = new Set(filesUnder(source).map((file) => relative(source, file)));
  for (const name of wanted) {
    const to = join(target, name);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(join(source, name), to);
  }
  for (const file of filesUnder(target)) {
    if (!wanted.has(relative(target, file))) await rm(file);
  }
}
