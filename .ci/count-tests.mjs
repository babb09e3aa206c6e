// Prints `passed failed skipped` for a vitest JSON report. Usage: node .ci/count-tests.mjs REPORT EXIT_CODE
// Failures without a failed test also count: a file that did not load, a crashed run, or a run without tests. A run whose
// tests were all skipped is no failure: test:deploy skips them if Python is missing.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

function count(file, exitCode) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    console.error('vitest wrote no report, so the run crashed');
    return [0, 1, 0];
  }
  const passed = report.numPassedTests;
  const skipped = report.numPendingTests + report.numTodoTests;
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((assertion) => assertion.status !== 'failed'),
  ).length;
  const failed = report.numFailedTests + unloaded;
  for (const { name, status, assertionResults } of report.testResults) {
    const names = assertionResults.filter((assertion) => assertion.status === 'failed').map(({ fullName }) => fullName);
    const what = status === 'failed' && names.length === 0 ? ['the file'] : names;
    for (const one of what) console.error(`failed: ${relative('.', name)}: ${one}`);
  }
  const silent = failed === 0 && (exitCode !== '0' || passed + skipped === 0);
  if (silent) console.error(`vitest exited with code ${exitCode} after ${passed} passed tests and no failed test`);
  return [passed, failed + (silent ? 1 : 0), skipped];
}

console.log(count(process.argv[2], process.argv[3]).join(' '));
