import type { Command } from 'commander';
import type { BlobInfo } from '../../../sdk/src/index.ts';
import { readLink } from '../../blobs/link-input.ts';
import { CommandError, exitCodes } from '../../shell/command-error.ts';
import { formatByteSize } from '../../shell/progress-line.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatFacts, formatTable, formatTableWithHead, formatTime } from '../../shell/terminal-output.ts';

const help = `
Manages files that were shared by link. The vault does not know their names, types or keys. Sizes are ciphertext sizes.

\`relink\` revokes the link of a blob and creates a new one. The key does not change and is only in the old link. If the
old link is given on standard input, the key is copied into the new link. Otherwise append the old link's # part to it.

Examples:
  $ anima blobs list
  $ anima blobs delete 01kasq3m5v8x0d4e6f7g8h9j0k
  $ anima blobs relink 01kasq3m5v8x0d4e6f7g8h9j0k - < link.txt`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const blobs = program.command('blobs').description('list, delete and relink shared files').addHelpText('after', help);
  blobs
    .command('list')
    .description('list shared files, newest first')
    .action(async (_options: object, command: Command) => await list(shellOf(command)));
  blobs
    .command('info')
    .description('show size, times and openings of a blob')
    .argument('<id>', 'id of the blob, not its link')
    .action(async (id: string, _options: object, command: Command) => await info(shellOf(command), id));
  blobs
    .command('delete')
    .description('delete a blob; its link stops working')
    .argument('<id>', 'id of the blob, not its link')
    .option('--yes', 'do not ask')
    .action(async (id: string, { yes }: { yes?: boolean }, command: Command) => {
      await remove(shellOf(command), id, yes === true);
    });
  blobs
    .command('relink')
    .description('revoke the link of a blob and create a new one')
    .argument('<id>', 'id of the blob, not its link')
    .argument('[link]', 'the old link; - to read it from standard input')
    .action(async (id: string, link: string | undefined, _options: object, command: Command) => {
      await relink(shellOf(command), id, link);
    });
}

async function list(shell: Shell): Promise<void> {
  const client = await shell.client();
  const damaged: string[] = [];
  const onDamaged = (id: string) => void damaged.push(id);
  const found = await client.blobs.list({ pageSize: 1000, onDamaged }).toArray();
  if (damaged.length > 0) shell.note(`The records of these files are damaged: ${damaged.join(', ')}.`);
  if (found.length === 0) shell.note('No files are shared.');
  const rows = found.map((blob) => [
    blob.id,
    blob.state,
    blob.size === undefined ? '-' : formatByteSize(blob.size),
    formatTime(blob.createdAt),
    blob.expiresAt === undefined ? '-' : formatTime(blob.expiresAt),
    openingsOf(blob),
  ]);
  if (!shell.isTerminal || rows.length === 0) return shell.print(formatTable(rows), found);
  shell.print(formatTableWithHead([['ID', 'STATE', 'SIZE', 'SHARED (UTC)', 'EXPIRES', 'OPENED'], ...rows]), found);
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
  // Checked before the prompt, so that a mistyped id is not typed twice.
  if (!yes && shell.stdin.isTTY) {
    await client.blobs.info(id);
    await shell.confirm('This deletes the file for everyone who has its link. Type the id to continue:', id);
  }
  if (!(await client.blobs.delete(id))) {
    throw new CommandError('There is no such blob; nothing was deleted', {
      exit: exitCodes.notFound,
      next: '`anima blobs list` shows the existing blobs.',
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
        ? 'The old link no longer works. Append the old link’s # part to the new link:'
        : 'The old link no longer works. Anyone who has the new link can open the file:',
    );
  }
  shell.print(url, { id, url });
}
