/**
 * A failed test, or what failed beside the tests: its title, and the error as it was printed.
 * @typedef {{ title: string, reason: string }} Failure
 */
/**
 * What one suite came to.
 * @typedef {object} SuiteResult
 * @property {number} passed
 * @property {Failure[]} failures
 * @property {{ title: string, reason: string | undefined }[]} skipped
 */

/** Lines of an error that the end of a test run repeats. */
const REPEATED_LINES = 12;

/** @returns {SuiteResult} */
export function noTests() {
  return { passed: 0, failures: [], skipped: [] };
}

/**
 * A suite that came to one failure and nothing else.
 * @param {string} title
 * @param {string} reason
 * @returns {SuiteResult}
 */
export function failedSuite(title, reason) {
  return { ...noTests(), failures: [{ title, reason }] };
}

/**
 * Adds up suites. A skip that gives no reason counts as a failure, so that none goes unexplained.
 * @param {SuiteResult[]} results
 * @returns {SuiteResult}
 */
export function total(results) {
  const sum = noTests();
  for (const { passed, failures, skipped } of results) {
    sum.passed += passed;
    sum.failures.push(...failures);
    for (const { title, reason } of skipped) {
      if (reason) sum.skipped.push({ title, reason });
      else sum.failures.push({ title, reason: 'It is skipped without a reason.' });
    }
  }
  return sum;
}

/**
 * What the end of a test run says again of what failed and what was skipped, before the last line:
 * a log that is kept only in part still tells.
 * @param {SuiteResult} result
 * @returns {string[]} lines
 */
export function closingLines({ failures, skipped }) {
  const failed = failures.flatMap(({ title, reason }) => [
    `- ${title}`,
    ...reason
      .trimEnd()
      .split('\n')
      .slice(0, REPEATED_LINES)
      .map((line) => `    ${line}`),
  ]);
  return [
    ...(skipped.length > 0 ? ['', 'Skipped:'] : []),
    ...skipped.map(({ title, reason }) => `- ${title}: ${reason}`),
    ...(failed.length > 0 ? ['', 'Failed:'] : []),
    ...failed,
  ];
}

/**
 * The last line of a test run.
 * @param {SuiteResult} result
 */
export function lastLine({ passed, failures, skipped }) {
  const tail = skipped.length > 0 ? `, ${skipped.length} skipped` : '';
  return `${passed} passed, ${failures.length} failed${tail}`;
}
