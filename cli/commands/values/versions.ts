import type { Command } from 'commander';
import type { Shell } from '../../shell/shell.ts';
import { formatTable, formatTableWithHead, formatTime } from '../../shell/terminal-output.ts';

const help = `
Newest first; \`anima get NAME --version N\` prints one of them.

Example:
  $ anima versions prod/stripe/key`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('versions')
    .description('list the stored versions of a value, never the values')
    .argument('<name>', 'a path such as prod/stripe/key')
    .addHelpText('after', help)
    .action(async (name: string, _options: object, command: Command) => await versions(shellOf(command), name));
}

async function versions(shell: Shell, name: string): Promise<void> {
  const client = await shell.client();
  const damaged: number[] = [];
  const kept = await client.vault.versions(name, { onDamaged: (version) => void damaged.push(version) });
  if (damaged.length > 0) shell.note(`These versions can’t be decrypted: ${damaged.join(', ')}.`);
  const facts = [...kept, ...damaged.map((version) => ({ version, damaged: true }))];
  const rows = kept.map(({ version, createdAt, expiresAt }) => [
    String(version),
    formatTime(createdAt),
    expiresAt === undefined ? '-' : formatTime(expiresAt),
  ]);
  if (!shell.isTerminal) return shell.print(formatTable(rows), facts);
  shell.print(formatTableWithHead([['VERSION', 'STORED (UTC)', 'EXPIRES'], ...rows]), facts);
}
