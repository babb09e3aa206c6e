import type { Command } from 'commander';
import type { TOTP } from 'otpauth';
import { assertValueName } from '../../secrets/value-names.ts';
import { CommandError, exitCodes } from '../../shell/command-error.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
Computes the current time-based one-time password (RFC 6238) of a stored value, which is an otpauth://totp/ URI, as in the QR
code of a service, or its key in base32 (SHA-1, 6 digits, 30 seconds). Only the code is printed, never the key.

Examples:
  $ anima set prod/github/totp                  paste the otpauth:// URI or the key
  $ anima totp prod/github/totp
  $ anima totp prod/github/totp --json          with the seconds for which the code is valid`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('totp')
    .description('print the current one-time code of a stored TOTP key')
    .argument('<name>', 'a value with an otpauth:// URI or a base32 key')
    .addHelpText('after', help)
    .action(async (name: string, _options: object, command: Command) => await printCode(shellOf(command), name));
}

async function printCode(shell: Shell, name: string): Promise<void> {
  assertValueName(name, 'Nothing was read');
  const client = await shell.client();
  const totp = await parseTotp(await client.vault.get(name));
  const now = Date.now();
  const code = totp.generate({ timestamp: now });
  const validSeconds = Math.ceil(totp.remaining({ timestamp: now }) / 1000);
  shell.print(code, { code, validSeconds, period: totp.period });
  if (shell.isTerminal && !shell.json) shell.note(`Valid for ${validSeconds} s.`);
}

/** @throws CommandError; its message contains nothing of the text */
async function parseTotp(text: string): Promise<TOTP> {
  const { HOTP, Secret, TOTP: Totp, URI } = await import('otpauth');
  const trimmed = text.trim();
  try {
    const parsed = /^otpauth:/i.test(trimmed)
      ? URI.parse(trimmed)
      : new Totp({ secret: Secret.fromBase32(trimmed.replace(/[\s-]/g, '').toUpperCase()) });
    if (!(parsed instanceof HOTP) && parsed.secret.bytes.length > 0) return parsed;
  } catch {
    // Reported below: the library's messages can quote the key.
  }
  throw new CommandError('The value is neither an otpauth://totp/ URI nor a key in base32', {
    exit: exitCodes.failed,
    next: 'Store the text of the QR code of the service again with `anima set NAME`.',
  });
}
