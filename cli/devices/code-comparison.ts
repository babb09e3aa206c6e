/** The comparison of a pairing code by a person. No option skips it. */
import { normalizeTypedCode } from '../../core/encoding/crockford-base32.ts';
import type { CodeComparison } from '../../sdk/src/device/index.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';

/** @throws CommandError usage, before anything is sent */
export function requirePerson(shell: Shell): void {
  if (shell.stdin.isTTY) return;
  throw usageError(
    'A person must compare a code, and there is no terminal; nothing was sent',
    'Run this command in a terminal. With --qr, a code is copied instead of compared.',
  );
}

/**
 * Shows the code, and asks whether the other device shows the same one.
 * @returns false for any answer but `yes` and the code
 * @throws CommandError failed if another code was typed
 */
export async function confirmCode(shell: Shell, { code }: CodeComparison): Promise<boolean> {
  // Not a note, because --quiet must not hide it.
  shell.error(`\nBoth devices show this code, unless somebody is between them:\n\n    ${code}\n`);
  const answer = await shell.ask('Type yes if the other device shows exactly this code, or type its code:');
  if (answer.toLowerCase() === 'yes') return true;
  const typed = normalizeTypedCode(answer);
  if (typed === normalizeTypedCode(code)) return true;
  if (!/^[0-9a-z]{16}$/.test(typed)) return false;
  throw new CommandError(
    'The other device shows another code: somebody may be between the devices. Nothing was added or kept here',
    {
      exit: exitCodes.failed,
      next: 'If the other device has confirmed, remove this one there. Begin again; if the codes differ again, pair with --qr.',
    },
  );
}
