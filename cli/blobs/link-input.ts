import { readAll } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';

/**
 * Reads a link, which is a secret, from standard input or from a hidden prompt.
 * @param given the command's argument: `-`, or, although discouraged, the link itself
 */
export async function readLink(shell: Shell, given: string): Promise<string> {
  if (given !== '-') {
    shell.note(
      'The link was given as an argument: it is in the shell’s history, and other users of this machine may have seen it.',
    );
    return given.trim();
  }
  if (shell.stdin.isTTY) return (await shell.secretPrompt('Link')).trim();
  return (await readAll(shell.stdin)).toString('utf8').trim();
}
