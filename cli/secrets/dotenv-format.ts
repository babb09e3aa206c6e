/**
 * Parses `.env` files like the package dotenv, which most programs follow. A line that dotenv would skip or guess at
 * is an error, because an import must not lose data silently.
 *
 *     NAME=bare text        # comment; surrounding blanks are ignored
 *     export NAME='literal text, may span several lines'
 *     NAME="the same, but \n is a line end and \r a carriage return"
 *     NAME=`literal text`
 *
 * There are no other escapes: `\"` within double quotes is kept, and `$NAME` is not expanded. In the dialect `common`, a line
 * that other readers read differently is an error too.
 */
import {
  dialectProblem,
  type EnvFileDialect,
  fileDialectProblem,
  gapDialectProblem,
  type WrittenAssignment,
} from './dotenv-dialects.ts';
import { type FileEntry, FileFormatError, formatErrorAt } from './file-entry.ts';

const blankPattern = /\s*(?:#[^\n]*(?:\n|$)\s*)*/y;
const assignmentPattern = /(export[ \t]+)?([\w.-]+)([ \t]*=[ \t]*)/y;
/**
 * A quoted value ends at the first matching quote without a backslash before it, otherwise at a later one that ends
 * the line.
 */
const quotedPatterns = {
  "'": /'((?:\\'|[^'])*)'([ \t]*(?:#[^\n]*)?)(?=\n|$)/y,
  '"': /"((?:\\"|[^"])*)"([ \t]*(?:#[^\n]*)?)(?=\n|$)/y,
  '`': /`((?:\\`|[^`])*)`([ \t]*(?:#[^\n]*)?)(?=\n|$)/y,
} as const;
const barePattern = /([^\n]*)(?=\n|$)/y;

const isQuote = (text: string): text is keyof typeof quotedPatterns => Object.hasOwn(quotedPatterns, text);

/** Parses the entries of a `.env` file in order. @throws FileFormatError for an invalid line or a duplicate name */
export function parseEnvFile(file: string, dialect: EnvFileDialect = 'dotenv'): FileEntry[] {
  const problem = dialect === 'common' ? fileDialectProblem(file) : undefined;
  if (problem !== undefined) throw new FileFormatError(problem);
  const text = file.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
  const entries = new Map<string, FileEntry>();
  const check = (line: number, found: string | undefined): void => {
    if (dialect === 'common' && found !== undefined) throw formatErrorAt(line, found);
  };
  for (let end = 0; ; ) {
    const at = endOfMatchAt(blankPattern, text, end);
    const line = text.slice(0, at).split('\n').length;
    check(line, gapDialectProblem(text.slice(end, at)));
    if (at >= text.length) return [...entries.values()];
    const [, prefix = '', name, separator = ''] = matchAt(assignmentPattern, text, at) ?? [];
    if (name === undefined) throw formatErrorAt(line, 'it does not have the form NAME=value');
    const first = entries.get(name);
    if (first !== undefined) throw formatErrorAt(line, `${name} is already set in line ${first.line}`);
    const { value, after, written } = readValue(text, assignmentPattern.lastIndex, name, line);
    check(line, dialectProblem({ prefix, name, separator, ...written }));
    entries.set(name, { name, value, line });
    end = after;
  }
}

interface ReadText {
  readonly value: string;
  readonly after: number;
  readonly written: Omit<WrittenAssignment, 'prefix' | 'name' | 'separator'>;
}

function readValue(text: string, at: number, name: string, line: number): ReadText {
  const quote = text.charAt(at);
  if (isQuote(quote)) {
    const [, inside, after = ''] = matchAt(quotedPatterns[quote], text, at) ?? [];
    if (inside === undefined) {
      throw formatErrorAt(line, `the quotes of ${name} are not closed, or are followed by more than a comment`);
    }
    const value = quote === '"' ? inside.replaceAll('\\n', '\n').replaceAll('\\r', '\r') : inside;
    return { value, after: quotedPatterns[quote].lastIndex, written: { quote, text: inside, rest: after } };
  }
  const [, rest = ''] = matchAt(barePattern, text, at) ?? [];
  if (/[^\s]#/.test(rest.replace(/(?:^|\s)#.*$/, ''))) {
    throw formatErrorAt(
      line,
      `${name} contains a #, where some programs end the value. Quote the value, or put a space before a comment`,
    );
  }
  const value = rest.replace(/(?:^|\s)#.*$/, '').trim();
  return { value, after: barePattern.lastIndex, written: { quote: undefined, text: rest, rest: '' } };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function endOfMatchAt(pattern: RegExp, text: string, at: number): number {
  matchAt(pattern, text, at);
  return pattern.lastIndex;
}
