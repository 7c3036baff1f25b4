import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { newestMs } from './assets.mjs';
import { execute } from './process.mjs';
import { ROOT } from './tree.mjs';

/** What goes into the VSIX besides dist/ and the manifest. */
const SHIPPED = ['README.md', 'CHANGELOG.md', 'LICENSE', 'media'];
/** Parts of the manifest that only this repository uses; the bundles hold their dependencies. */
const UNSHIPPED_KEYS = ['scripts', 'dependencies', 'devDependencies', 'private'];
const SOURCES = ['src', 'runtime', 'webview', 'package.json', 'esbuild.config.mjs', ...SHIPPED];

/** @typedef {{ name: string, version: string } & Record<string, unknown>} Manifest */

/** @returns {Promise<Manifest>} */
async function readManifest() {
  /** @type {Manifest} */
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  return manifest;
}

/**
 * Makes a VSIX from a production build of the sources; dist/ is not touched. Needs no network.
 * @param {string} [target] absolute path, velar-<version>.vsix in the repository by default
 * @returns {Promise<string>} its path
 * @throws {Error} when a bundle does not build or vsce refuses the manifest
 */
export async function makeVsix(target) {
  const { buildDist } = await import('../../esbuild.config.mjs');
  const manifest = await readManifest();
  const path = target ?? join(ROOT, `${manifest.name}-${manifest.version}.vsix`);
  const stage = join(ROOT, '.build', `vsix-${process.pid}`);
  try {
    await buildDist({ production: true, target: join(stage, 'dist') });
    for (const name of SHIPPED) {
      if (existsSync(join(ROOT, name))) {
        await cp(join(ROOT, name), join(stage, name), { recursive: true });
      }
    }
    const shipped = Object.entries(manifest).filter(([key]) => !UNSHIPPED_KEYS.includes(key));
    await writeFile(join(stage, 'package.json'), JSON.stringify(Object.fromEntries(shipped)));
    await cp(join(ROOT, '.vscodeignore'), join(stage, '.vscodeignore'));
    const packed = join(stage, 'packed.vsix');
    const vsce = join(ROOT, 'node_modules', '@vscode', 'vsce', 'vsce');
    const options = [
      '--no-dependencies',
      '--allow-missing-repository',
      '--no-rewrite-relative-links',
    ];
    const code = await execute(process.execPath, [vsce, 'package', ...options, '--out', packed], {
      cwd: stage,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (code !== 0) throw new Error(`vsce package ended with ${code}; see its message above.`);
    await mkdir(dirname(path), { recursive: true });
    await rename(packed, path);
    return path;
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/**
 * The VSIX of the sources as they are, kept in .build/ and made anew when a source is newer.
 * @returns {Promise<string>} its path
 * @throws {Error} as makeVsix
 */
export async function currentVsix() {
  const path = join(ROOT, '.build', 'current.vsix');
  const sources = newestMs(SOURCES.map((name) => join(ROOT, name)));
  if (existsSync(path) && statSync(path).mtimeMs > sources) return path;
  return makeVsix(path);
}
