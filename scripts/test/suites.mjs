import { join, posix } from 'node:path';
import { Unavailable } from '../lib/machine.mjs';
import { capture, findProgram } from '../lib/process.mjs';
import { ROOT, npm } from '../lib/tree.mjs';
import { startDocker } from '../docker/daemon.mjs';
import { chooseVscode } from '../vscode/choose.mjs';
import { runProcessSuite } from './processSuite.mjs';
import { failedSuite, noTests } from './result.mjs';

/** @typedef {import('./result.mjs').SuiteResult} SuiteResult */

/** Suites of pure code: quick, and independent of what runs beside them. */
const PURE = new Set(['discovery', 'protocol', 'webview']);
/** Suites that need VS Code; click-through ones drive it through a page. */
const IN_EDITOR = 'editor';
const CLICK_THROUGH = 'clickthrough';
/** Suite that needs a Docker engine, one for all of it. */
const WITH_DOCKER = 'docker';

/**
 * @typedef {object} Suite
 * @property {string} name what a filter may name
 * @property {string[]} files test files, relative to the root
 * @property {boolean} concurrent may run beside another suite
 * @property {(buffered: boolean) => Promise<SuiteResult>} run
 */

/**
 * Suites of compiled test files, one for each folder under test/.
 * @param {string[]} files test sources, relative to the root with '/'
 * @returns {Suite[]}
 */
export function mochaSuites(files) {
  /** @type {Map<string, string[]>} */
  const byFolder = new Map();
  for (const file of files) {
    const folder = file.split('/')[1] ?? '';
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), file]);
  }
  return [...byFolder]
    .sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b))
    .map(([name, own]) => ({
      name,
      files: own,
      concurrent: PURE.has(name),
      run: (buffered) => {
        if (name === IN_EDITOR) return runInEditor(own);
        if (name === CLICK_THROUGH)
          return whereVscodeRuns(name, () => runMocha(name, own, buffered));
        if (name === WITH_DOCKER)
          return whereDockerRuns(name, (env) => runMocha(name, own, buffered, env));
        return runMocha(name, own, buffered);
      },
    }));
}

/** @param {string} name */
function rank(name) {
  return name === CLICK_THROUGH ? 2 : name === IN_EDITOR ? 1 : 0;
}

/** @param {string} source relative to the root */
function compiled(source) {
  return posix.join('.build', source.replace(/\.ts$/, '.js'));
}

/** @param {string} name @param {string[]} files @param {boolean} buffered @param {Record<string, string>} [env] */
function runMocha(name, files, buffered, env = {}) {
  const timeout = PURE.has(name) ? '20000' : '120000';
  const mocha = join('node_modules', 'mocha', 'bin', 'mocha.js');
  return runProcessSuite(
    name,
    process.execPath,
    [
      '--enable-source-maps',
      mocha,
      '--no-config',
      '--no-package',
      '--forbid-only',
      '--slow',
      '2000',
      '--timeout',
      timeout,
      '--reporter',
      join(ROOT, 'scripts', 'test', 'reporter.mjs'),
      ...files.map(compiled),
    ],
    { buffered, env },
  );
}

/** @param {string[]} files @returns {Promise<SuiteResult>} */
function runInEditor(files) {
  const tests = files
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => posix.relative('test/editor', file).replace(/\.ts$/, '.js'));
  return whereVscodeRuns(IN_EDITOR, () =>
    runProcessSuite(IN_EDITOR, process.execPath, [join('scripts', 'test', 'runEditorTests.mjs')], {
      env: { VELAR_EDITOR_TESTS: tests.join(',') },
    }),
  );
}

/**
 * @param {string} name of the suite
 * @param {() => Promise<SuiteResult>} run
 * @returns {Promise<SuiteResult>} one skip with its reason where VS Code can't be had
 */
async function whereVscodeRuns(name, run) {
  try {
    await chooseVscode();
  } catch (error) {
    return skippedBecause(name, error);
  }
  return run();
}

/**
 * VELAR_TEST_DOCKER=newer: with Docker 26.1 instead of the machine's own.
 * @param {string} name of the suite
 * @param {(env: Record<string, string>) => Promise<SuiteResult>} run with what the tests need to reach the engine
 * @returns {Promise<SuiteResult>} one skip with its reason where no Docker engine can be had
 */
async function whereDockerRuns(name, run) {
  /** @type {import('../docker/daemon.mjs').TestDocker} */
  let docker;
  try {
    docker = await startDocker({ newer: process.env['VELAR_TEST_DOCKER'] === 'newer' });
  } catch (error) {
    return skippedBecause(name, error);
  }
  try {
    return await run(docker.env);
  } finally {
    await docker.stop();
  }
}

/** @param {string} name @param {unknown} error @returns {SuiteResult} @throws what is no lack of the machine */
function skippedBecause(name, error) {
  if (!(error instanceof Unavailable)) throw error;
  return { ...noTests(), skipped: [{ title: name, reason: error.message }] };
}

/**
 * The SDK's and worker's tests, with the standard library's unittest.
 * @param {string[]} files relative to the root
 * @returns {Suite}
 */
export function pythonSuite(files) {
  return {
    name: 'python',
    files,
    concurrent: false,
    run: async (buffered) => {
      const named = process.env['PYTHON'];
      const python = named ?? findProgram('python3', 'python');
      if (python === undefined) {
        return failedSuite('python', 'No python3 is on PATH; install Python 3.9 or newer.');
      }
      return runProcessSuite(
        'python',
        python,
        [join('scripts', 'test', 'python_suite.py'), ...files],
        {
          buffered,
          env: { PYTHONPATH: join(ROOT, 'runtime', 'python'), PYTHONDONTWRITEBYTECODE: '1' },
        },
      );
    },
  };
}

/**
 * Lint, types and format: each counts as one test.
 * @returns {Suite[]}
 */
export function checkSuites() {
  return ['lint', 'typecheck', 'format:check'].map((script) => ({
    name: script.replace(':check', ''),
    files: [],
    concurrent: true,
    run: async () => {
      const { command, args } = npm();
      const { code, output } = await capture(command, [...args, 'run', '--silent', script], {
        cwd: ROOT,
      });
      if (code === 0) {
        console.log(`\n✔ npm run ${script}`);
        return { ...noTests(), passed: 1 };
      }
      console.log(`\n✗ npm run ${script} ended with ${code}\n${output.trimEnd()}`);
      return failedSuite(`npm run ${script}`, output);
    },
  }));
}
