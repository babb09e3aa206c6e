import type { Command } from 'commander';
import type { Shell } from '../../shell/shell.ts';
import { formatTableWithHead, formatTime, formatTree } from '../../shell/terminal-output.ts';
import { escapeForLine, line } from '../../shell/terminal-text.ts';

const help = `
Prints a table on a terminal, one name per line in a pipe, and all facts with --json. Values are never shown.

Examples:
  $ anima list
  $ anima list prod/ --tree
  $ anima list prod/ | wc -l`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('list')
    .description('list names of values, never the values')
    .argument('[prefix]', 'prefix of the names')
    .option('--tree', 'show folders as a tree')
    .addHelpText('after', help)
    .action(async (prefix: string | undefined, { tree: asTree }: { tree?: boolean }, command: Command) => {
      await list(shellOf(command), prefix, asTree === true);
    });
}

async function list(shell: Shell, prefix: string | undefined, asTree: boolean): Promise<void> {
  const client = await shell.client();
  const damaged: string[] = [];
  const onDamaged = (name: string) => void damaged.push(name);
  const values = await client.vault.list({ prefix, pageSize: 1000, onDamaged }).toArray();
  const names = [...values.map(({ name }) => name), ...damaged].sort();
  const facts = [...values, ...damaged.map((name) => ({ name, damaged: true }))];
  noteDamaged(shell, damaged);
  if (names.length === 0) shell.note(prefix === undefined ? 'There are no values.' : 'No values match.');
  if (asTree) return shell.print(formatTree(names), facts);
  if (!shell.isTerminal) return shell.print(names.map(escapeForLine).join('\n'), facts);
  const rows = values.map(({ name, version, createdAt, expiresAt, metadata }) => [
    name,
    String(version),
    formatTime(createdAt),
    expiresAt === undefined ? '-' : formatTime(expiresAt),
    Object.entries(metadata)
      .map(([key, text]) => `${key}=${text}`)
      .join(' '),
  ]);
  for (const name of damaged) rows.push([name, 'damaged', '-', '-', '']);
  shell.print(
    names.length === 0
      ? ''
      : formatTableWithHead([['NAME', 'VERSION', 'STORED (UTC)', 'EXPIRES', 'METADATA'], ...rows]),
    facts,
  );
}

function noteDamaged(shell: Shell, damaged: readonly string[]): void {
  if (damaged.length === 0) return;
  const what = damaged.length === 1 ? '1 value' : `${damaged.length} values`;
  shell.note(line`${what} can’t be decrypted: ${damaged.join(', ')}. Set such a value again, or delete it.`);
}
