// Prints `passed failed skipped` of a vitest JSON report: node .ci/count.mjs REPORT EXIT_CODE.
// What can fail without any test having failed is counted too: a file that did not load, a run that died, no tests at all.
import { readFileSync } from 'node:fs';

function count(file, exitCode) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    console.error('vitest left no report: the run died before its end');
    return [0, 1, 0];
  }
  const passed = report.numPassedTests;
  const skipped = report.numPendingTests + report.numTodoTests;
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((assertion) => assertion.status !== 'failed'),
  ).length;
  const failed = report.numFailedTests + unloaded;
  const silent = failed === 0 && (exitCode !== '0' || passed === 0);
  if (silent) console.error(`vitest ended with code ${exitCode} after ${passed} passing tests and no failing one`);
  return [passed, failed + (silent ? 1 : 0), skipped];
}

console.log(count(process.argv[2], process.argv[3]).join(' '));
