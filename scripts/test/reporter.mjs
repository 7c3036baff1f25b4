/**
 * Mocha reporter: prints like "spec" and writes a summary for scripts/test.mjs to the file that
 * VELAR_TEST_SUMMARY names: a SuiteResult as result.mjs describes it.
 */
import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

const { EVENT_RUN_END, EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING } =
  Mocha.Runner.constants;

/**
 * @param {object | undefined} runnable
 * @returns {string | undefined} reason set by skipBecause, on it or around it
 */
function skipReason(runnable) {
  let at = /** @type {{ skipReason?: string, parent?: object } | undefined} */ (runnable);
  for (; at !== undefined; at = at.parent) if (at.skipReason) return at.skipReason;
  return undefined;
}

class SummaryReporter extends Mocha.reporters.Spec {
  /** @param {Mocha.Runner} runner @param {Mocha.MochaOptions} options */
  constructor(runner, options) {
    super(runner, options);
    let passed = 0;
    /** @type {import('./result.mjs').Failure[]} */
    const failures = [];
    /** @type {import('./result.mjs').SuiteResult['skipped']} */
    const skipped = [];
    runner.on(EVENT_TEST_PASS, () => (passed += 1));
    runner.on(EVENT_TEST_FAIL, (test, /** @type {Error} */ error) => {
      failures.push({ title: test.fullTitle(), reason: String(error.stack ?? error) });
    });
    runner.on(EVENT_TEST_PENDING, (test) => {
      skipped.push({ title: test.fullTitle(), reason: skipReason(test) });
    });
    runner.on(EVENT_RUN_END, () => {
      const path = process.env['VELAR_TEST_SUMMARY'];
      if (path) writeFileSync(path, JSON.stringify({ passed, failures, skipped }));
    });
  }
}

// Mocha takes a reporter from the default export.
export { SummaryReporter as default };
