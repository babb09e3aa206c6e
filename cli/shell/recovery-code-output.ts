/** Recovery codes are shown once: in a terminal, or as a printable page in a new private file. */
import { CommandError, exitCodes, usageError } from './command-error.ts';
import type { ReservedFile } from './private-files.ts';
import type { Shell } from './shell.ts';

/** @throws CommandError usage, before a code is made that nobody would see */
export function requirePlaceForCode(shell: Shell, path: string | undefined): void {
  if (path !== undefined || shell.isTerminal) return;
  throw usageError(
    'The recovery code is shown in a terminal or written to a file, but the output is neither; nothing was done',
    'Name a new file for the printable page: --file recovery.html.',
  );
}

export interface ShownCode {
  readonly code: string;
  readonly page: string;
  /** What the code is of, such as `the vault …`. */
  readonly of: string;
  /** A sentence about who can do what with it. */
  readonly opens: string;
  /** The command that makes another code. */
  readonly again: string;
  /** What --json prints beside the code or the file. */
  readonly facts: { readonly before?: object; readonly after?: object };
}

/** Writes the page to the file; without a file, or if that fails, the code is printed. @returns whether the file has it */
export async function giveCode(
  shell: Shell,
  { code, page, of, opens, again, facts: { before, after } }: ShownCode,
  file: ReservedFile,
  path: string | undefined,
): Promise<boolean> {
  if (await file.write(page)) {
    shell.print(
      `Wrote the recovery code to ${path} (mode 0600). Print it, keep the paper in a safe place, and delete the file.\n${opens}`,
      { ...before, file: path, ...after },
    );
    return true;
  }
  if (!shell.isTerminal) {
    throw new CommandError(`The file ${path} could not be written, so nobody has seen the new recovery code`, {
      exit: exitCodes.failed,
      next: `Make another one: \`${again}\`.`,
    });
  }
  if (path !== undefined) shell.error(`The file ${path} could not be written. The code is shown here instead:`);
  const groups = code.split('-');
  const lines = [groups.slice(0, 4), groups.slice(4)].map((half) => `    ${half.join('-')}`);
  shell.print(
    `Recovery code of ${of}:\n\n${lines.join('\n')}\n\nIt is shown once and is not stored. Write it down, and keep it in a safe place.\n${opens}`,
    { ...before, code, ...after },
  );
  return false;
}

/** Attempts to type a code without a mistake. */
const maxAttempts = 3;

/** Asks for a code until it is accepted. @param isMistake whether the person may type it again after an error */
export async function attemptWithCode<T>(
  shell: Shell,
  work: (code: string) => Promise<T>,
  isMistake: (error: unknown) => boolean,
  again: string,
): Promise<T> {
  for (let left = maxAttempts; ; left--) {
    const code = await shell.secretPrompt('Recovery code: 32 characters; hyphens and case do not matter');
    try {
      return await work(code);
    } catch (error) {
      if (!isMistake(error) || left === 1) throw error;
      shell.error(again);
    }
  }
}

/** @throws CommandError usage */
export function requireTyping(shell: Shell): void {
  if (shell.stdin.isTTY) return;
  throw usageError(
    'A person must type the recovery code, and there is no terminal; nothing was sent',
    'Run this command in a terminal. The code is never an argument.',
  );
}
