/**
 * Parses `.env` files like the package dotenv, which most programs follow. A line that dotenv would skip or guess at
 * is an error, because an import must not lose data silently.
 *
 *     NAME=bare text        # comment; surrounding blanks are ignored
 *     export NAME='literal text, may span several lines'
 *     NAME="the same, but \n is a line end and \r a carriage return"
 *     NAME=`literal text`
 *
 * There are no other escapes: `\"` within double quotes is kept, and `$NAME` is not expanded.
 */
import { parseEnv } from 'node:util';
import { type FileEntry, FileFormatError, formatErrorAt } from './file-entry.ts';

const blankPattern = /\s*(?:#[^\n]*(?:\n|$)\s*)*/y;
const assignmentPattern = /(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*/y;
/**
 * A quoted value ends at the first matching quote without a backslash before it, otherwise at a later one that ends
 * the line.
 */
const quotedPatterns = {
  "'": /'((?:\\'|[^'])*)'[ \t]*(?:#[^\n]*)?(?=\n|$)/y,
  '"': /"((?:\\"|[^"])*)"[ \t]*(?:#[^\n]*)?(?=\n|$)/y,
  '`': /`((?:\\`|[^`])*)`[ \t]*(?:#[^\n]*)?(?=\n|$)/y,
} as const;
const barePattern = /([^\n]*)(?=\n|$)/y;

const isQuote = (text: string): text is keyof typeof quotedPatterns => Object.hasOwn(quotedPatterns, text);

/** Parses the entries of a `.env` file in order. @throws FileFormatError for an invalid line or a duplicate name */
export function parseEnvFile(file: string): FileEntry[] {
  const text = file.replace(/\r\n?/g, '\n');
  const entries = new Map<string, FileEntry>();
  for (let at = endOfMatchAt(blankPattern, text, 0); at < text.length; at = endOfMatchAt(blankPattern, text, at)) {
    const line = text.slice(0, at).split('\n').length;
    const [, name] = matchAt(assignmentPattern, text, at) ?? [];
    if (name === undefined) throw formatErrorAt(line, 'it does not have the form NAME=value');
    const first = entries.get(name);
    if (first !== undefined) throw formatErrorAt(line, `${name} is already set in line ${first.line}`);
    const { value, after } = readValue(text, assignmentPattern.lastIndex, name, line);
    entries.set(name, { name, value, line });
    at = after;
  }
  return [...entries.values()];
}

function readValue(text: string, at: number, name: string, line: number): { value: string; after: number } {
  const quote = text.charAt(at);
  if (isQuote(quote)) {
    const [, inside] = matchAt(quotedPatterns[quote], text, at) ?? [];
    if (inside === undefined) {
      throw formatErrorAt(line, `the quotes of ${name} are not closed, or are followed by more than a comment`);
    }
    const value = quote === '"' ? inside.replaceAll('\\n', '\n').replaceAll('\\r', '\r') : inside;
    return { value, after: quotedPatterns[quote].lastIndex };
  }
  const [, rest = ''] = matchAt(barePattern, text, at) ?? [];
  if (/[^\s]#/.test(rest.replace(/(?:^|\s)#.*$/, ''))) {
    throw formatErrorAt(
      line,
      `${name} contains a #, where some programs end the value. Quote the value, or put a space before a comment`,
    );
  }
  return { value: rest.replace(/(?:^|\s)#.*$/, '').trim(), after: barePattern.lastIndex };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function endOfMatchAt(pattern: RegExp, text: string, at: number): number {
  matchAt(pattern, text, at);
  return pattern.lastIndex;
}

const safeBareValue = /^[\w./:@%+,=~^-]+$/;

/**
 * Writes entries so that this parser, Node's `util.parseEnv` and dotenv read each value back byte for byte. A value is
 * written bare if every shell reads it the same way, otherwise in the first kind of quotes that can contain it.
 * @throws FileFormatError with the variables that `.env` cannot express
 */
export function writeEnvFile(entries: Iterable<Pick<FileEntry, 'name' | 'value'>>): string {
  const all = [...entries];
  const lines = all.map(({ name, value }) => `${name}=${quoteValue(value) ?? ''}\n`);
  const text = lines.join('');
  // The whole output is read back, because one value must not change how the next one is read.
  const ours = new Map(parseOrEmpty(text).map(({ name, value }) => [name, value]));
  const nodes = parseEnv(text);
  const lost = all.filter(({ name, value }) => ours.get(name) !== value || nodes[name] !== value);
  if (lost.length > 0) {
    throw new FileFormatError(
      `.env files can’t express ${lost.map(({ name }) => name).join(', ')}: programs read values with a carriage return, or with all kinds of quotes, differently`,
    );
  }
  return text;
}

function parseOrEmpty(text: string): FileEntry[] {
  try {
    return parseEnvFile(text);
  } catch (error) {
    if (error instanceof FileFormatError) return [];
    throw error;
  }
}

function quoteValue(value: string): string | undefined {
  if (value === '' || safeBareValue.test(value)) return value;
  // In some parsers a trailing backslash would escape the closing quote.
  if (!value.endsWith('\\')) {
    if (!value.includes("'")) return `'${value}'`;
    if (!value.includes('"') && !/\\[nr]/.test(value)) return `"${value}"`;
    if (!value.includes('`')) return `\`${value}\``;
  }
  return /^[^\s'"`#][^\n#]*$/.test(value) && value === value.trim() ? value : undefined;
}
