import type { Command } from 'commander';
import { assertValueName } from '../../secrets/value-names.ts';
import { CommandError, exitCodes, usageError } from '../../shell/command-error.ts';
import { reserveFile } from '../../shell/private-files.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
Deletes the value with all its versions and prints a signed receipt. The receipt lists the versions, and the ciphertext
copies that remain in the deployment's recovery data or backups, with their expiry. Keep it: it cannot be retrieved again.

Examples:
  $ anima destroy customers/4711 > receipt.jws
  $ anima destroy customers/4711 --yes --receipt receipt.jws`;

interface Options {
  readonly yes?: boolean;
  readonly receipt?: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('destroy')
    .description('destroy a value with all its versions and get a signed receipt')
    .argument('<name>', 'a path such as prod/stripe/key')
    .option('--yes', 'skip the confirmation; required without a terminal')
    .option('--receipt <file>', 'write the receipt to a new file')
    .addHelpText('after', help)
    .action(async (name: string, options: Options, command: Command) => await destroy(shellOf(command), name, options));
}

async function destroy(shell: Shell, name: string, { yes, receipt }: Options): Promise<void> {
  assertValueName(name, 'Nothing was destroyed');
  const client = await shell.client();
  if (yes !== true) {
    if (!shell.stdin.isTTY)
      throw usageError('There is no terminal for the confirmation; nothing was destroyed', 'In scripts use --yes.');
    await shell.confirm('This destroys all versions irreversibly. Type the name to continue:', name);
  }
  const file = await reserveFile(receipt);
  await file.keepIf(async () => {
    const answer = await client.vault.destroy(name, { confirm: name });
    if (!answer.destroyed) throw nothing();
    const text = answer.receipt === undefined ? '' : `${answer.receipt}\n`;
    const written = await file.write(text);
    if (!shell.json) shell.note(`Destroyed ${name}. \`anima receipt verify\` explains what the receipt proves.`);
    shell.print(written ? '' : text, answer);
    return written;
  });
}

const nothing = (): CommandError =>
  new CommandError('There is no value of that name; nothing was destroyed', {
    exit: exitCodes.notFound,
    next: '`anima list` shows the existing names; `anima audit query --verb values.destroy` shows destroyed values.',
  });
