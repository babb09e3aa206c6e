/** Secret texts: from a file, standard input, or a person who types or pastes them without seeing them. */
import { readAll, readInput } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';

/** @param path a file, or `-` for standard input; undefined to ask in a terminal, or read standard input without one */
export async function readSecretText(shell: Shell, what: string, path: string | undefined): Promise<string> {
  if (path !== undefined) return (await readInput(path, shell.stdin)).toString('utf8').trim();
  if (shell.stdin.isTTY) return (await shell.secretPrompt(what)).trim();
  return (await readAll(shell.stdin)).toString('utf8').trim();
}
