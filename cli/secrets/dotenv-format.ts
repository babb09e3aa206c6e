/**
 * `.env` files, read as the package dotenv reads them, which most programs follow. Where dotenv skips a line or guesses, this is an error instead: an import must
 * lose nothing in silence.
 *
 *     NAME=bare text        # comment; blanks around the text do not count
 *     export NAME='as it stands, over several lines too'
 *     NAME="the same, but \n is a line end and \r a carriage return"
 *     NAME=`as it stands`
 *
 * No other escapes: `\"` within double quotes stays as it is, and `$NAME` is not expanded.
 */
import { parseEnv } from 'node:util';
import { type FileEntry, FileFormatError, formatErrorAt } from './file-entry.ts';

const blankPattern = /\s*(?:#[^\n]*(?:\n|$)\s*)*/y;
const assignmentPattern = /(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*/y;
/** A quote ends at the first one of its kind that has no backslash before it, or else at a later one that ends the line. */
const quotedPatterns = {
  "'": /'((?:\\'|[^'])*)'[ \t]*(?:#[^\n]*)?(?=\n|$)/y,
  '"': /"((?:\\"|[^"])*)"[ \t]*(?:#[^\n]*)?(?=\n|$)/y,
  '`': /`((?:\\`|[^`])*)`[ \t]*(?:#[^\n]*)?(?=\n|$)/y,
} as const;
const barePattern = /([^\n]*)(?=\n|$)/y;

const isQuote = (text: string): text is keyof typeof quotedPatterns => Object.hasOwn(quotedPatterns, text);

/** The entries of a `.env` file in their order. @throws FormatProblem for a line that is none, and for a name that stands twice */
export function parseEnvFile(file: string): FileEntry[] {
  const text = file.replace(/\r\n?/g, '\n');
  const entries = new Map<string, FileEntry>();
  for (let at = endOfMatchAt(blankPattern, text, 0); at < text.length; at = endOfMatchAt(blankPattern, text, at)) {
    const line = text.slice(0, at).split('\n').length;
    const [, name] = matchAt(assignmentPattern, text, at) ?? [];
    if (name === undefined) throw formatErrorAt(line, 'it is not of the form NAME=value');
    const first = entries.get(name);
    if (first !== undefined) throw formatErrorAt(line, `${name} stands in line ${first.line} already`);
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
      throw formatErrorAt(line, `the quotes of ${name} do not end, or more than a comment follows them`);
    }
    const value = quote === '"' ? inside.replaceAll('\\n', '\n').replaceAll('\\r', '\r') : inside;
    return { value, after: quotedPatterns[quote].lastIndex };
  }
  const [, rest = ''] = matchAt(barePattern, text, at) ?? [];
  if (/[^\s]#/.test(rest.replace(/(?:^|\s)#.*$/, ''))) {
    throw formatErrorAt(
      line,
      `a # within ${name}: some programs end the value there. Quote it, or put a space before a comment`,
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
 * Writes entries so that this reader, Node's `util.parseEnv` and dotenv read each value back byte for byte: bare where every shell agrees too, else in the first
 * kind of quotes that holds the value.
 * @throws FormatProblem naming the variables that `.env` can't express
 */
export function writeEnvFile(entries: Iterable<Pick<FileEntry, 'name' | 'value'>>): string {
  const all = [...entries];
  const lines = all.map(({ name, value }) => `${name}=${quoteValue(value) ?? ''}\n`);
  const text = lines.join('');
  // What was written is read again, whole: a value may not change how the next one is read.
  const ours = new Map(parseOrEmpty(text).map(({ name, value }) => [name, value]));
  const nodes = parseEnv(text);
  const lost = all.filter(({ name, value }) => ours.get(name) !== value || nodes[name] !== value);
  if (lost.length > 0) {
    throw new FileFormatError(
      `.env files can’t express ${lost.map(({ name }) => name).join(', ')}: with a carriage return, or all kinds of quotes at once, programs read them differently`,
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
  // A backslash at the end would take the closing quote with it in some readers.
  if (!value.endsWith('\\')) {
    if (!value.includes("'")) return `'${value}'`;
    if (!value.includes('"') && !/\\[nr]/.test(value)) return `"${value}"`;
    if (!value.includes('`')) return `\`${value}\``;
  }
  return /^[^\s'"`#][^\n#]*$/.test(value) && value === value.trim() ? value : undefined;
}
