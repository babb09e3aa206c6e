/** Writes assignments for POSIX shells, to be sourced or evaluated. */
import { type FileEntry, FileFormatError } from './file-entry.ts';

/** Variables that bash or dash keep for themselves: an assignment fails, is ignored, or is overwritten. */
const shellVariables = new Set(
  [
    '_ UID EUID PPID GROUPS RANDOM SRANDOM SECONDS LINENO EPOCHSECONDS EPOCHREALTIME OPTIND OPTARG DIRSTACK FUNCNAME',
    'HISTCMD PWD OLDPWD SHLVL SHELLOPTS BASHOPTS BASHPID BASH_VERSINFO BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_COMMAND',
    'BASH_SUBSHELL BASH_LINENO BASH_SOURCE COMP_WORDBREAKS PIPESTATUS',
  ].flatMap((row) => row.split(' ')),
);

/**
 * Writes `export NAME='value'` lines. Nothing is special within single quotes (POSIX.1-2024, Shell Command Language,
 * 2.2.2), so every value but one with a zero byte can be expressed, and none is executed.
 * @throws FileFormatError with the variables that a shell cannot hold
 */
export function writeShellFile(entries: readonly Pick<FileEntry, 'name' | 'value'>[]): string {
  const lost = entries.filter(({ name, value }) => value.includes('\0') || shellVariables.has(name));
  if (lost.length > 0) {
    throw new FileFormatError(
      `Shells can’t hold ${lost.map(({ name }) => name).join(', ')}: they have no zero bytes, and keep some variables for themselves`,
    );
  }
  return entries.map(({ name, value }) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`).join('');
}
