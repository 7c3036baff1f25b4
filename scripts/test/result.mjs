/**
 * What one suite came to.
 * @typedef {object} SuiteResult
 * @property {number} passed
 * @property {number} failed
 * @property {{ title: string, reason: string | undefined }[]} skipped
 */

/** @returns {SuiteResult} */
export function noTests() {
  return { passed: 0, failed: 0, skipped: [] };
}

/**
 * Adds up suites. A skip that gives no reason counts as a failure, so that none goes unexplained.
 * @param {SuiteResult[]} results
 * @returns {SuiteResult}
 */
export function total(results) {
  const sum = noTests();
  for (const { passed, failed, skipped } of results) {
    sum.passed += passed;
    sum.failed += failed + skipped.filter(({ reason }) => !reason).length;
    sum.skipped.push(...skipped.filter(({ reason }) => reason));
  }
  return sum;
}

/**
 * The last line of a test run.
 * @param {SuiteResult} result
 */
export function lastLine({ passed, failed, skipped }) {
  const tail = skipped.length > 0 ? `, ${skipped.length} skipped` : '';
  return `${passed} passed, ${failed} failed${tail}`;
}
