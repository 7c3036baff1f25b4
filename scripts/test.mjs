/**
 * `npm test [-- filter…]`: installs and builds what is needed and runs every test. A filter is a
 * suite's name (a folder of test/, or lint, typecheck, format) or a part of a test file's path.
 * The last line is `N passed, N failed`, with `, N skipped` where something can't run here.
 */
import { join, relative } from 'node:path';
import { filesUnder } from './lib/assets.mjs';
import { ROOT, ensureBuilt, ensureDependencies, runMain } from './lib/tree.mjs';
import { endRunningSuites } from './test/processSuite.mjs';
import { closingLines, failedSuite, lastLine, total } from './test/result.mjs';

/** @typedef {import('./test/suites.mjs').Suite} Suite */
/** @typedef {import('./test/result.mjs').SuiteResult} SuiteResult */

/** @param {string[]} filters @returns {(name: string, files: string[]) => string[] | undefined} files to run, undefined: none */
function chooser(filters) {
  return (name, files) => {
    if (filters.length === 0 || filters.includes(name)) return files;
    const chosen = files.filter((file) => filters.some((filter) => file.includes(filter)));
    return chosen.length > 0 ? chosen : undefined;
  };
}

/** @param {string[]} filters @returns {Promise<Suite[]>} compiled and ready to run */
async function chooseSuites(filters) {
  const { compile, testFiles } = await import('../esbuild.config.mjs');
  const { checkSuites, mochaSuites, pythonSuite } = await import('./test/suites.mjs');
  const choose = chooser(filters);
  /** @type {string[]} */
  const files = mochaSuites(testFiles()).flatMap(({ name, files: own }) => choose(name, own) ?? []);
  const inEditor = files.some((file) => file.startsWith('test/editor/'));
  await compile('test', [...new Set([...files, ...(inEditor ? ['test/editor/index.ts'] : [])])]);
  const python = filesUnder(join(ROOT, 'test', 'python'))
    .map((file) => relative(ROOT, file).replaceAll('\\', '/'))
    .filter((file) => /\/test_\w+\.py$/.test(file));
  const chosenPython = python.length > 0 ? choose('python', python) : undefined;
  return [
    ...checkSuites().filter(({ name }) => choose(name, []) !== undefined),
    ...(chosenPython === undefined ? [] : [pythonSuite(chosenPython)]),
    ...mochaSuites(files),
  ];
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @param {Suite} suite @param {boolean} buffered @returns {Promise<SuiteResult>} */
async function runSuite(suite, buffered) {
  try {
    if (!buffered) console.log(`\n── ${suite.name} ──`);
    return await suite.run(buffered);
  } catch (error) {
    return failedSuite(suite.name, messageOf(error));
  }
}

/** Two workers for what may run side by side, then the rest one after another. @param {Suite[]} suites */
async function runSuites(suites) {
  /** @type {SuiteResult[]} */
  const results = [];
  const queue = suites.filter(({ concurrent }) => concurrent);
  const worker = async () => {
    for (let suite = queue.shift(); suite !== undefined; suite = queue.shift()) {
      results.push(await runSuite(suite, true));
    }
  };
  await Promise.all([worker(), worker()]);
  for (const suite of suites.filter(({ concurrent }) => !concurrent)) {
    results.push(await runSuite(suite, false));
  }
  return results;
}

/** @returns {Promise<SuiteResult>} */
async function runAll() {
  const filters = process.argv.slice(2);
  await ensureDependencies();
  /** @type {SuiteResult[]} */
  const results = [];
  try {
    await ensureBuilt();
  } catch (error) {
    results.push(failedSuite('build', messageOf(error)));
  }
  const suites = await chooseSuites(filters);
  results.push(...(await runSuites(suites)));
  return total(results);
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => void endRunningSuites().then(() => process.exit(130)));
}

await runMain(async () => {
  /** @type {SuiteResult} */
  let result;
  try {
    result = await runAll();
  } catch (error) {
    result = failedSuite('npm test', messageOf(error));
  }
  for (const line of closingLines(result)) console.log(line);
  if (result.passed + result.failures.length === 0) console.error('No test ran.');
  console.log(`\n${lastLine(result)}`);
  return result.failures.length > 0 || result.passed === 0 ? 1 : 0;
});
