/**
 * What is built, and how. `npm run build` is the usual way in; directly:
 *   node esbuild.config.mjs [--production] [--watch]   the bundles of dist/ and what lies beside them
 *   node esbuild.config.mjs --tests [substring…]       test files into .build/test
 */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { filesUnder, mirrorFolder, pythonPackages } from './scripts/lib/assets.mjs';

const ROOT = dirname(fileURLToPath(import.meta.url));
const DIST = join(ROOT, 'dist');

/** Source and target of each bundle. */
const BUNDLES = [
  { entry: 'src/extension.ts', outfile: 'extension.js', page: false },
  { entry: 'src/editor/cold.ts', outfile: 'cold.js', page: false },
  { entry: 'src/discovery/parse.ts', outfile: 'discovery.js', page: false },
  { entry: 'src/cli/main.ts', outfile: 'cli.js', page: false },
  { entry: 'src/client/entrypointProcess.ts', outfile: 'entrypoint.js', page: false },
  { entry: 'runtime/main.ts', outfile: 'runtime.js', page: false },
  { entry: 'runtime/engines/docker/client.ts', outfile: 'docker.js', page: false },
  { entry: 'webview/main.ts', outfile: 'webview.js', page: true },
  { entry: 'webview/main.css', outfile: 'webview.css', page: true },
  { entry: 'webview/endpoint/main.ts', outfile: 'endpoint.js', page: true },
  { entry: 'webview/endpoint/main.css', outfile: 'endpoint.css', page: true },
];

/**
 * Parts that stay files of their own, loaded with their first use: for the extension, reading them costs
 * ten times what the rest of its activation does; a runtime without Docker never needs its client.
 * @type {Record<string, string>}
 */
const LOADED_LATER = {
  'src/editor/cold': './cold.js',
  'src/discovery/parse': './discovery.js',
  'runtime/engines/docker/client': './docker.js',
};

/** @type {esbuild.Plugin} */
const loadedLater = {
  name: 'loaded-later',
  setup(build) {
    build.onResolve({ filter: /^\..*\/(cold|parse|client)$/ }, ({ path, resolveDir }) => {
      const source = relative(ROOT, resolve(resolveDir, path)).replaceAll('\\', '/');
      const target = LOADED_LATER[source];
      return target === undefined ? undefined : { path: target, external: true };
    });
  },
};

/**
 * Parts of dockerode that are never used, 2 MB of them: SSH to other machines, and BuildKit's sessions.
 * @type {esbuild.Plugin}
 */
const withoutSshAndSessions = {
  name: 'without-ssh-and-sessions',
  setup(build) {
    build.onResolve({ filter: /^(ssh2|@grpc\/.*|protobufjs)$/ }, ({ path }) => ({
      path,
      namespace: 'left-out',
    }));
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({
      contents: 'module.exports = {};',
    }));
  },
};

/** @type {Record<string, esbuild.Plugin[]>} */
const PLUGINS = {
  'extension.js': [loadedLater],
  'cold.js': [loadedLater],
  'runtime.js': [loadedLater],
  'docker.js': [withoutSshAndSessions],
};

/**
 * @param {(typeof BUNDLES)[number]} bundle
 * @param {{ production: boolean, target: string }} how target: absolute output folder
 * @returns {esbuild.BuildOptions}
 */
function bundleOptions(bundle, { production, target }) {
  return {
    entryPoints: [join(ROOT, bundle.entry)],
    outfile: join(target, bundle.outfile),
    bundle: true,
    minify: production,
    keepNames: production && !bundle.page,
    sourcemap: production ? false : 'linked',
    target: bundle.page ? 'es2022' : 'node20',
    platform: bundle.page ? 'browser' : 'node',
    format: bundle.page ? 'iife' : 'cjs',
    external: bundle.page ? [] : ['vscode'],
    plugins: PLUGINS[bundle.outfile] ?? [],
    define: { 'process.env.NODE_ENV': production ? '"production"' : '"development"' },
    ...(bundle.outfile === 'cli.js' ? { banner: { js: '#!/usr/bin/env node' } } : {}),
    legalComments: 'none',
    logLevel: 'warning',
  };
}

/**
 * Puts the Python SDK and worker, and SQLite's WebAssembly file, beside the bundles that load them.
 * @param {string} target absolute output folder
 */
async function copyAssets(target) {
  await mkdir(target, { recursive: true });
  const python = join(ROOT, 'runtime', 'python');
  for (const name of pythonPackages(python)) {
    await mirrorFolder(join(python, name), join(target, 'python', name));
  }
  const wasm = 'node-sqlite3-wasm.wasm';
  await copyFile(join(ROOT, 'node_modules', 'node-sqlite3-wasm', 'dist', wasm), join(target, wasm));
}

/**
 * Builds the bundles. An entry that does not exist is named and passed over.
 * @param {{ production?: boolean, target?: string }} [options] production: minified, no source maps;
 *   target: absolute output folder, dist/ by default
 * @throws {Error} when a bundle has errors (esbuild has printed them); the others are still built
 */
export async function buildDist({ production = false, target = DIST } = {}) {
  if (production) await rm(target, { recursive: true, force: true });
  await copyAssets(target);
  const results = await Promise.allSettled(
    presentBundles().map((bundle) => esbuild.build(bundleOptions(bundle, { production, target }))),
  );
  const failures = results.filter((result) => result.status === 'rejected');
  if (failures.length > 0)
    throw new Error(`${failures.length} of ${results.length} bundles failed`);
}

function presentBundles() {
  return BUNDLES.filter((bundle) => {
    const present = existsSync(join(ROOT, bundle.entry));
    if (!present) console.warn(`esbuild: no ${bundle.entry}, so no dist/${bundle.outfile}`);
    return present;
  });
}

/** Rebuilds each bundle whenever one of its files changes, until the process ends. */
export async function watchDist() {
  await copyAssets(DIST);
  for (const bundle of presentBundles()) {
    const context = await esbuild.context({
      ...bundleOptions(bundle, { production: false, target: DIST }),
      logLevel: 'info',
    });
    await context.watch();
  }
}

/**
 * Compiles TypeScript files one to one, tree and packages kept: shared code is bundled into each.
 * @param {string} from folder of the sources, relative to the root, such as 'test'
 * @param {string[]} files sources, relative to the root
 * @returns {Promise<void>} once .build/<from>/ has a .js for each
 * @throws {Error} when one does not compile (esbuild has printed why)
 */
export async function compile(from, files) {
  if (files.length === 0) return;
  await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: files,
    outbase: from,
    outdir: join('.build', from),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    packages: 'external',
    sourcemap: 'linked',
    loader: { '.css': 'text' },
    logLevel: 'warning',
  });
}

/** Test files, relative to the root with '/': test/**\/*.test.ts and the entry of the in-editor tests. */
export function testFiles() {
  return filesUnder(join(ROOT, 'test'))
    .map((file) => relative(ROOT, file).replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.test.ts') || file === 'test/editor/index.ts');
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const flags = process.argv.slice(2);
  const wanted = flags.filter((flag) => !flag.startsWith('--'));
  if (flags.includes('--tests')) {
    const files = testFiles();
    const chosen = files.filter((file) => wanted.some((part) => file.includes(part)));
    await compile('test', wanted.length === 0 ? files : chosen);
  } else if (flags.includes('--watch')) {
    await watchDist();
  } else {
    await buildDist({ production: flags.includes('--production') });
  }
}
