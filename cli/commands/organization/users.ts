import type { Command } from 'commander';
import type { UserInfo } from '../../../sdk/src/index.ts';
import { usageError } from '../../shell/command-error.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatTable, formatTableWithHead, formatTime } from '../../shell/terminal-output.ts';
import { escapeForLine, line } from '../../shell/terminal-text.ts';

const help = `
A user has data that only a credential of the user opens: memory, and device vaults. The commands need a key of the
organization. \`create\` prints the key of the new user once, and only that on standard output.

Examples:
  $ anima users create > me.key && anima login --profile me < me.key && rm me.key
  $ anima users list
  $ anima users delete 0123456789abcdef`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const users = program.command('users').description('create, list and delete users').addHelpText('after', help);
  users
    .command('create')
    .description('create a user; the key is shown only once')
    .action(async (_options: object, command: Command) => await create(shellOf(command)));
  users
    .command('list')
    .description('list the users, including deleted ones')
    .action(async (_options: object, command: Command) => await list(shellOf(command)));
  users
    .command('delete')
    .description('delete a user with all data, for good')
    .argument('<id>', 'id of the user, not the key')
    .option('--yes', 'skip the confirmation')
    .action(async (id: string, { yes }: { yes?: boolean }, command: Command) => {
      await remove(shellOf(command), id, yes === true);
    });
}

async function create(shell: Shell): Promise<void> {
  const created = await (await shell.client()).users.create();
  if (!shell.json)
    shell.note(
      line`Created the user ${created.user}. Anyone who has the key can open the user’s data. The key is shown only once:`,
    );
  shell.print(escapeForLine(created.key), created);
}

async function list(shell: Shell): Promise<void> {
  const found: UserInfo[] = await (await shell.client()).users.list({ pageSize: 1000 }).toArray();
  const rows = found.map((user) => [
    user.user,
    user.state,
    user.createdAt === undefined ? '-' : formatTime(user.createdAt),
  ]);
  if (!shell.isTerminal || rows.length === 0) return shell.print(formatTable(rows), found);
  shell.print(formatTableWithHead([['ID', 'STATE', 'CREATED (UTC)'], ...rows]), found);
}

async function remove(shell: Shell, id: string, yes: boolean): Promise<void> {
  const client = await shell.client();
  if (!/^[0-9a-z]{16}$/.test(id)) {
    throw usageError(
      'That is not the id of a user, which has 16 characters; nothing was sent',
      '`anima users list` shows the ids.',
    );
  }
  if (!yes && shell.stdin.isTTY)
    await shell.confirm('This deletes all data of the user, for good. Type the id of the user to continue:', id);
  const deleted = await client.users.delete(id);
  shell.print(line`Deleted the user ${id}.`, { user: id, ...deleted });
}
