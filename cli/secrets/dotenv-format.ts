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
import { type FileEntry, formatErrorAt } from './file-entry.ts';

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
