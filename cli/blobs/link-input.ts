import { readAll } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';

/**
 * A link to a file, which is a secret: from standard input, or asked for without showing it.
 * @param given what the command was given: `-`, or the link itself, against advice
 */
export async function readLink(shell: Shell, given: string): Promise<string> {
  if (given !== '-') {
    shell.note('The link was an argument: the shell’s history has it, and others on this machine may have seen it.');
    return given.trim();
  }
  if (shell.stdin.isTTY) return (await shell.secretPrompt('Link')).trim();
  return (await readAll(shell.stdin)).toString('utf8').trim();
}
