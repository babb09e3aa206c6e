/** Writes `.env` files that different programs read alike. */
import { parseEnv } from 'node:util';
import { parseEnvFile } from './dotenv-format.ts';
import { type FileEntry, FileFormatError } from './file-entry.ts';

/** Without a `~`, which shells expand at the start of a value and after a colon. */
const bareValue = /^[A-Za-z0-9_./:@%+,=-]*$/;
/** Within double quotes, shells and readers give these a meaning, each its own. */
const specialInDoubleQuotes = /["\\$`!]/;
/** python-dotenv expands this even within single quotes. */
const expansion = /\$\{[^}]*\}/;

/**
 * Writes entries so that this parser, Node's `util.parseEnv`, dotenv, python-dotenv and a POSIX shell that sources the
 * file read each value back byte for byte. A shell executes nothing of them.
 * @throws FileFormatError with the variables that `.env` cannot express
 */
export function writeEnvFile(entries: readonly Pick<FileEntry, 'name' | 'value'>[]): string {
  const quoted = entries.map(({ name, value }) => ({ name, value, text: quoteValue(value) }));
  const text = quoted.map((one) => `${one.name}=${one.text ?? ''}\n`).join('');
  // The whole output is read back, because one value must not change how the next one is read.
  const ours = readBack(text);
  const nodes = parseEnv(text);
  const lost = quoted.filter(
    ({ name, value, text: written }) => written === undefined || ours.get(name) !== value || nodes[name] !== value,
  );
  if (lost.length > 0) {
    throw new FileFormatError(
      `.env files can’t express ${lost.map(({ name }) => name).join(', ')}: programs read values with a carriage return, with two backslashes or one at the end, with \${…}, or with a ' beside one of " \\ $ \` !, differently`,
    );
  }
  return text;
}

/** The form that all readers read alike; undefined if there is none. */
function quoteValue(value: string): string | undefined {
  if (bareValue.test(value)) return value;
  if (/[\r\0]/.test(value) || expansion.test(value)) return undefined;
  if (!value.includes("'")) {
    // python-dotenv reads two backslashes as one; dotenv takes a backslash before the closing quote for an escape.
    return value.includes('\\\\') || value.endsWith('\\') ? undefined : `'${value}'`;
  }
  return specialInDoubleQuotes.test(value) ? undefined : `"${value}"`;
}

function readBack(text: string): ReadonlyMap<string, string> {
  try {
    return new Map(parseEnvFile(text).map(({ name, value }) => [name, value]));
  } catch (error) {
    if (error instanceof FileFormatError) return new Map();
    throw error;
  }
}
