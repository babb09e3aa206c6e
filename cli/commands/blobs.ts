import type { Command } from 'commander';
import type { BlobInfo } from '../../sdk/src/index.ts';
import { readLink } from '../blobs/link-input.ts';
import { CommandError, exitCodes } from '../shell/command-error.ts';
import { formatByteSize } from '../shell/progress-line.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts, formatTable, formatTime } from '../shell/terminal-output.ts';

const help = `
Files that were shared by links, without names, types or links: the vault knows none of these. Sizes are of ciphertext.

\`relink\` revokes the link of a blob and makes another with the same key. The key is only in the old link: given by
standard input, it is put into the new one; else append to it what stands in the old one from # on.

Examples:
  $ anima blobs list
  $ anima blobs delete 01kasq3m5v8x0d4e6f7g8h9j0k
  $ anima blobs relink 01kasq3m5v8x0d4e6f7g8h9j0k - < link.txt`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const blobs = program
    .command('blobs')
    .description('list, delete and relink what was shared')
    .addHelpText('after', help);
  blobs
    .command('list')
    .description('what was shared, newest first')
    .action(async (_options: object, command: Command) => await list(shellOf(command)));
  blobs
    .command('info')
    .description('size, times and openings of one')
    .argument('<id>', 'id of the blob, not its link')
    .action(async (id: string, _options: object, command: Command) => await info(shellOf(command), id));
  blobs
    .command('delete')
    .description('delete one; its link opens nothing from then on')
    .argument('<id>', 'id of the blob, not its link')
    .option('--yes', 'do not ask')
    .action(async (id: string, { yes }: { yes?: boolean }, command: Command) => {
      await remove(shellOf(command), id, yes === true);
    });
  blobs
    .command('relink')
    .description('revoke the link of one, and give it another')
    .argument('<id>', 'id of the blob, not its link')
    .argument('[link]', 'the old one; - to read it from standard input')
    .action(async (id: string, link: string | undefined, _options: object, command: Command) => {
      await relink(shellOf(command), id, link);
    });
}

async function list(shell: Shell): Promise<void> {
  const client = await shell.client();
  const found = await client.blobs.list({ pageSize: 1000 }).toArray();
  if (found.length === 0) shell.note('Nothing is shared.');
  const rows = found.map((blob) => [
    blob.id,
    blob.state,
    blob.size === undefined ? '-' : formatByteSize(blob.size),
    formatTime(blob.createdAt),
    blob.expiresAt === undefined ? '-' : formatTime(blob.expiresAt),
    openingsOf(blob),
  ]);
  if (!shell.stdout.isTTY || rows.length === 0) return shell.print(formatTable(rows), found);
  const [head = '', ...lines] = formatTable([
    ['ID', 'STATE', 'SIZE', 'SHARED (UTC)', 'EXPIRES', 'OPENED'],
    ...rows,
  ]).split('\n');
  shell.print([shell.paint('dim', head), ...lines].join('\n'), found);
}

const openingsOf = ({ openings, maxOpens, burn }: BlobInfo): string =>
  `${openings}${maxOpens === undefined ? '' : ` of ${maxOpens}`}${burn ? ', burns' : ''}`;

async function info(shell: Shell, id: string): Promise<void> {
  const blob = await (await shell.client()).blobs.info(id);
  shell.print(
    formatFacts([
      ['blob', blob.id],
      ['state', blob.state],
      ['size', blob.size === undefined ? undefined : `${blob.size} bytes of ciphertext`],
      ['shared', blob.createdAt],
      ['complete', blob.completedAt],
      ['expires', blob.expiresAt],
      ['opened', openingsOf(blob)],
    ]),
    blob,
  );
}

async function remove(shell: Shell, id: string, yes: boolean): Promise<void> {
  const client = await shell.client();
  // Looked at first: what is typed wrong should not be typed twice.
  if (!yes && shell.stdin.isTTY) {
    await client.blobs.info(id);
    await shell.confirm('This deletes the file for whoever has its link. Type the id to go on:', id);
  }
  if (!(await client.blobs.delete(id))) {
    throw new CommandError('There is no such blob, or it was gone before; nothing was deleted', {
      exit: exitCodes.notFound,
      next: '`anima blobs list` shows what is there.',
    });
  }
  shell.print(`Deleted ${id}.`, { id, deleted: true });
}

async function relink(shell: Shell, id: string, link: string | undefined): Promise<void> {
  const client = await shell.client();
  const old = link === undefined ? undefined : await readLink(shell, link);
  const { url } = await client.blobs.relink(id, old);
  if (!shell.json) {
    shell.note(
      old === undefined
        ? 'The old link opens nothing any more. To this one append the old one’s end, from # on:'
        : 'The old link opens nothing any more. Whoever has this one can open the file:',
    );
  }
  shell.print(url, { id, url });
}
