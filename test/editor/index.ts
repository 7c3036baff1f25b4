import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { format } from 'node:util';
import Mocha from 'mocha';

/** Repository root, seen from .build/test/editor. */
const ROOT = join(__dirname, '..', '..', '..');

/** Tells the tests' output from the editor's own log lines, which come the same way. */
const OUTPUT_MARK = 'tests| ';

/**
 * Runs the in-editor tests; VS Code's extension host calls it. VELAR_EDITOR_TESTS (a comma list of
 * compiled files, relative to this one) narrows them, VELAR_TEST_SUMMARY names the summary file.
 * @throws {Error} when a test fails, which is how the extension host learns of it
 */
export async function run(): Promise<void> {
  Object.assign(Mocha.reporters.Base, {
    consoleLog: (...parts: unknown[]) => {
      for (const line of format(...parts).split('\n')) console.log(OUTPUT_MARK + line);
    },
  });
  const mocha = new Mocha({
    ui: 'bdd',
    color: false,
    timeout: 60_000,
    reporter: join(ROOT, 'scripts', 'test', 'reporter.mjs'),
  });
  for (const file of chosenFiles()) mocha.addFile(file);
  const failures = await new Promise<number>((resolve) => mocha.run(resolve));
  if (failures > 0) throw new Error(`${failures} in-editor tests failed.`);
}

function chosenFiles(): string[] {
  const all = readdirSync(__dirname, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .sort()
    .map((name) => join(__dirname, name));
  const wanted = process.env['VELAR_EDITOR_TESTS'];
  if (wanted === undefined || wanted === '') return all;
  const names = new Set(wanted.split(','));
  return all.filter((file) => names.has(relative(__dirname, file)));
}
