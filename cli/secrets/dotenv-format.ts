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
import { type Entry, FormatProblem, problemAt } from './file-entry.ts';

const blank = /\s*(?:#[^\n]*(?:\n|$)\s*)*/y;
const assignment = /(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*/y;
/** A quote ends at the first one of its kind that has no backslash before it, or else at a later one that ends the line. */
const quoted = {
  "'": /'((?:\\'|[^'])*)'[ \t]*(?:#[^\n]*)?(?=\n|$)/y,
  '"': /"((?:\\"|[^"])*)"[ \t]*(?:#[^\n]*)?(?=\n|$)/y,
  '`': /`((?:\\`|[^`])*)`[ \t]*(?:#[^\n]*)?(?=\n|$)/y,
} as const;
const bare = /([^\n]*)(?=\n|$)/y;

const isQuote = (text: string): text is keyof typeof quoted => Object.hasOwn(quoted, text);

/** The entries of a `.env` file in their order. @throws FormatProblem for a line that is none, and for a name that stands twice */
export function parseEnvFile(file: string): Entry[] {
  const text = file.replace(/\r\n?/g, '\n');
  const entries = new Map<string, Entry>();
  for (let at = end(blank, text, 0); at < text.length; at = end(blank, text, at)) {
    const line = text.slice(0, at).split('\n').length;
    const [, name] = match(assignment, text, at) ?? [];
    if (name === undefined) throw problemAt(line, 'it is not of the form NAME=value');
    const first = entries.get(name);
    if (first !== undefined) throw problemAt(line, `${name} stands in line ${first.line} already`);
    const { value, after } = readValue(text, assignment.lastIndex, name, line);
    entries.set(name, { name, value, line });
    at = after;
  }
  return [...entries.values()];
}

function readValue(text: string, at: number, name: string, line: number): { value: string; after: number } {
  const quote = text.charAt(at);
  if (isQuote(quote)) {
    const [, inside] = match(quoted[quote], text, at) ?? [];
    if (inside === undefined) {
      throw problemAt(line, `the quotes of ${name} do not end, or more than a comment follows them`);
    }
    const value = quote === '"' ? inside.replaceAll('\\n', '\n').replaceAll('\\r', '\r') : inside;
    return { value, after: quoted[quote].lastIndex };
  }
  const [, rest = ''] = match(bare, text, at) ?? [];
  if (/[^\s]#/.test(rest.replace(/(?:^|\s)#.*$/, ''))) {
    throw problemAt(
      line,
      `a # within ${name}: some programs end the value there. Quote it, or put a space before a comment`,
    );
  }
  return { value: rest.replace(/(?:^|\s)#.*$/, '').trim(), after: bare.lastIndex };
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function end(pattern: RegExp, text: string, at: number): number {
  match(pattern, text, at);
  return pattern.lastIndex;
}

const fitsBare = /^[\w./:@%+,=~^-]+$/;

/**
 * Writes entries so that this reader, Node's `util.parseEnv` and dotenv read each value back byte for byte: bare where every shell agrees too, else in the first
 * kind of quotes that holds the value.
 * @throws FormatProblem naming the variables that `.env` can't express
 */
export function writeEnvFile(entries: Iterable<Pick<Entry, 'name' | 'value'>>): string {
  const all = [...entries];
  const lines = all.map(({ name, value }) => `${name}=${quote(value) ?? ''}\n`);
  const text = lines.join('');
  // What was written is read again, whole: a value may not change how the next one is read.
  const ours = new Map(parsedOrNone(text).map(({ name, value }) => [name, value]));
  const nodes = parseEnv(text);
  const lost = all.filter(({ name, value }) => ours.get(name) !== value || nodes[name] !== value);
  if (lost.length > 0) {
    throw new FormatProblem(
      `.env files can’t express ${lost.map(({ name }) => name).join(', ')}: with a carriage return, or all kinds of quotes at once, programs read them differently`,
    );
  }
  return text;
}

function parsedOrNone(text: string): Entry[] {
  try {
    return parseEnvFile(text);
  } catch (error) {
    if (error instanceof FormatProblem) return [];
    throw error;
  }
}

function quote(value: string): string | undefined {
  if (value === '' || fitsBare.test(value)) return value;
  // A backslash at the end would take the closing quote with it in some readers.
  if (!value.endsWith('\\')) {
    if (!value.includes("'")) return `'${value}'`;
    if (!value.includes('"') && !/\\[nr]/.test(value)) return `"${value}"`;
    if (!value.includes('`')) return `\`${value}\``;
  }
  return /^[^\s'"`#][^\n#]*$/.test(value) && value === value.trim() ? value : undefined;
}
