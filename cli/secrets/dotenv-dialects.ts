/**
 * Where common readers of `.env` files disagree: the package dotenv, Docker Compose (compose-go), python-dotenv,
 * `parseEnv` of Node.js, and a POSIX shell that sources the file. A line that two of them read differently has no certain value.
 */

/** `common`: only lines that all of those readers read alike. `dotenv`: as the package dotenv reads them. */
export const envFileDialects = ['common', 'dotenv'] as const;
export type EnvFileDialect = (typeof envFileDialects)[number];

/** An assignment as it is written. */
export interface WrittenAssignment {
  /** `export` with the blanks after it, or an empty text. */
  readonly prefix: string;
  readonly name: string;
  /** The characters between the name and the value: `=`, perhaps with blanks. */
  readonly separator: string;
  readonly quote: "'" | '"' | '`' | undefined;
  /** The text within the quotes, or the bare value with everything up to the line end. */
  readonly text: string;
  /** What follows the closing quote on its line. */
  readonly rest: string;
}

const posixName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Variables that bash does not let a file set. The shell then runs on with its own value. */
const readOnlyInBash: ReadonlySet<string> = new Set(['BASHOPTS', 'BASH_VERSINFO', 'EUID', 'PPID', 'SHELLOPTS', 'UID']);

/** Why readers disagree about a file as a whole; undefined if they do not. */
export function fileDialectProblem(file: string): string | undefined {
  if (file.startsWith('\ufeff'))
    return 'the file begins with a byte-order mark, which some readers take for a part of the first name';
  if (file.includes('\r')) return 'the file has carriage returns, which a shell keeps as part of each value';
  if (file.includes('\0')) return 'the file contains a zero byte';
  return undefined;
}

/** Why readers disagree about the text between two assignments, which this parser skips. */
export const gapDialectProblem = (skipped: string): string | undefined =>
  /[^ \t\n]/.test(skipped.replace(/#[^\n]*/g, ''))
    ? 'a line before it has blanks other than spaces and tabs, which a shell takes for a command'
    : undefined;

/** Why readers disagree about an assignment; undefined if they do not. The text never contains a value. */
export function dialectProblem({ prefix, name, separator, quote, text, rest }: WrittenAssignment): string | undefined {
  if (!posixName.test(name)) return 'its name is not one of a shell variable (letters, digits and _, no leading digit)';
  if (readOnlyInBash.has(name)) return `${name} cannot be set in bash, which keeps its own value`;
  if (prefix.includes('\t')) return `${name} has a tab after export, which Node.js does not accept`;
  if (prefix !== '' && quote === undefined && text.trim() === '')
    return `${name} is exported without a value, which Node.js takes for another name. Write export ${name}=''`;
  if (separator !== '=') return `${name} has blanks around its =, which a shell does not accept`;
  if (/^[^ \t]/.test(rest)) return `${name} has text directly after its quotes, which a shell appends to the value`;
  switch (quote) {
    case '`':
      return `${name} is in backquotes, which a shell executes`;
    case "'":
      return singleQuotedProblem(name, text);
    case '"':
      return /[$`\\]/.test(text)
        ? `${name} has one of $ \` \\ in double quotes, which readers expand or unescape differently`
        : undefined;
    default:
      return bareProblem(name, text);
  }
}

function singleQuotedProblem(name: string, text: string): string | undefined {
  if (text.includes('${')) return `${name} contains \${…}, which python-dotenv expands even in single quotes`;
  return /\\(?:\\|'|$)/.test(text)
    ? `${name} has two backslashes, or a backslash before a quote, which readers unescape differently`
    : undefined;
}

function bareProblem(name: string, text: string): string | undefined {
  const value = text.replace(/[ \t]+#.*$/, '').replace(/[ \t]+$/, '');
  if (/\t#/.test(text)) return `${name} has a tab before a #, which Docker Compose does not take for a comment`;
  if (/^#/.test(value)) return `${name} begins with #, which some readers take for a comment`;
  if (/\s/.test(value)) return `${name} has a blank in its value without quotes, where a shell ends the value`;
  if (/[$`\\'"]/.test(value)) return `${name} has one of $ \` \\ ' " without quotes around the value`;
  if (/[;&|<>()]/.test(value)) return `${name} has one of ; & | < > ( ) without quotes, which a shell obeys`;
  // A shell expands ~ at the start and after a colon (POSIX.1-2024, Shell Command Language, 2.6.1).
  if (/(?:^|:)~/.test(value)) return `${name} has a ~ that a shell expands to a home folder`;
  return undefined;
}
