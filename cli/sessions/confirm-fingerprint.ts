/** The comparison of a fingerprint by a person, or with one that the caller got from the device. Nothing skips it. */
import { normalizeTypedCode } from '../../core/encoding/crockford-base32.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';

export interface FingerprintFlags {
  readonly fingerprint?: string | undefined;
  readonly yes?: boolean | undefined;
}

/** @throws CommandError usage if nobody could compare, before anything is sent */
export function requireComparison(shell: Shell, { fingerprint, yes }: FingerprintFlags): void {
  if (fingerprint !== undefined && !/^[0-9a-z]{16}$/.test(normalizeTypedCode(fingerprint)))
    throw usageError('--fingerprint requires the fingerprint of the device, XXXX-XXXX-XXXX-XXXX; nothing was sent');
  if (yes === true && fingerprint === undefined) {
    throw usageError(
      '--yes is accepted only together with --fingerprint; nothing was sent',
      'Give the fingerprint that the device itself shows, not the one of a list.',
    );
  }
  if (shell.stdin.isTTY || yes === true) return;
  throw usageError(
    'A person must compare the fingerprint, and there is no terminal; nothing was sent',
    'Run this command in a terminal, or give --fingerprint with the one that the device shows, and --yes.',
  );
}

/**
 * Asks whether the device shows this fingerprint, unless the caller gave it.
 * @param what for people: what happens to which device
 * @throws CommandError failed for any other answer or fingerprint
 */
export async function confirmFingerprint(
  shell: Shell,
  what: string,
  shown: string,
  { fingerprint, yes }: FingerprintFlags,
): Promise<void> {
  const right = normalizeTypedCode(shown);
  if (fingerprint !== undefined && normalizeTypedCode(fingerprint) !== right) throw differs();
  if (yes === true) return;
  // Not a note, because --quiet must not hide it.
  shell.error(`\n${what}\n\n    ${shown}\n`);
  const answer = await shell.ask(
    'Type yes if the device itself shows exactly this fingerprint, or type its fingerprint:',
  );
  if (answer.toLowerCase() === 'yes' || normalizeTypedCode(answer) === right) return;
  if (/^[0-9a-z]{16}$/.test(normalizeTypedCode(answer))) throw differs();
  throw new CommandError('Not confirmed; nothing was signed', { exit: exitCodes.failed });
}

const differs = (): CommandError =>
  new CommandError('The device shows another fingerprint: somebody else may have answered. Nothing was signed', {
    exit: exitCodes.failed,
    code: 'fingerprint_differs',
    next: 'Withdraw the invite (`anima invite withdraw`), and make a new one. Give it to the person by another channel.',
  });
