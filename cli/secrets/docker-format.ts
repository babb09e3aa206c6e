/** Writes files for `docker run --env-file`. */
import { type FileEntry, FileFormatError } from './file-entry.ts';

/** Docker reads lines with Go's `bufio.Scanner`, whose default limit is 64 KiB with the line end. */
const maxLineBytes = 65_535;

/**
 * Writes `NAME=value` lines. Docker takes everything after the first `=` as it is, with quotes and blanks, so a value
 * cannot have line ends (docker/cli, `pkg/kvfile`).
 * @throws FileFormatError with the variables that such a file cannot express
 */
export function writeDockerFile(entries: readonly Pick<FileEntry, 'name' | 'value'>[]): string {
  const lines = entries.map(({ name, value }) => ({ name, value, line: `${name}=${value}` }));
  const lost = lines.filter(
    ({ value, line }) => /[\r\n\0]/.test(value) || Buffer.byteLength(line, 'utf8') > maxLineBytes,
  );
  if (lost.length > 0) {
    throw new FileFormatError(
      `Docker’s env files can’t express ${lost.map(({ name }) => name).join(', ')}: a value has no line ends or zero bytes, and a line has at most ${maxLineBytes} bytes`,
    );
  }
  return lines.map(({ line }) => `${line}\n`).join('');
}
