/** Writes files for GitHub Actions: $GITHUB_ENV, and the commands that mask values in logs. */
import { randomBytes } from 'node:crypto';
import { type FileEntry, FileFormatError } from './file-entry.ts';

/** The runner ignores these, or takes them for its own (GitHub Actions, "Variables reference"). */
const runnerVariable = /^(?:GITHUB_|RUNNER_)|^(?:CI|NODE_OPTIONS)$/i;

/**
 * Writes `NAME<<DELIMITER` blocks. The delimiter is random, so that no value can end its block (GitHub Actions, "Workflow
 * commands", multiline strings).
 * @throws FileFormatError for variables that a workflow cannot set
 */
export function writeGithubEnvFile(entries: readonly Pick<FileEntry, 'name' | 'value'>[]): string {
  const lost = entries.filter(({ name, value }) => runnerVariable.test(name) || /[\0\r]/.test(value));
  if (lost.length > 0) {
    throw new FileFormatError(
      `$GITHUB_ENV can’t express ${lost.map(({ name }) => name).join(', ')}: the runner keeps some variables for itself, and a value has no carriage returns or zero bytes`,
    );
  }
  return entries
    .map(({ name, value }) => {
      const delimiter = `anima_${randomBytes(16).toString('hex')}`;
      return `${name}<<${delimiter}\n${value}\n${delimiter}\n`;
    })
    .join('');
}

/** Workflow commands that mask values in the log of a job: one for each line, because logs are masked line by line. */
export function githubMaskCommands(values: Iterable<string>): string {
  const lines = [...values].flatMap((value) => value.split(/\r\n|\r|\n/)).filter((line) => line.trim() !== '');
  // The data of a workflow command escapes % (actions/toolkit, `escapeData`).
  return [...new Set(lines)].map((line) => `::add-mask::${line.replaceAll('%', '%25')}\n`).join('');
}
