import type { Command } from 'commander';
import type { ShredResponse } from '../../../sdk/src/index.ts';
import { usageError } from '../../shell/command-error.ts';
import { parseWhole } from '../../shell/durations.ts';
import { type ReservedFile, reserveFile } from '../../shell/private-files.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatFacts } from '../../shell/terminal-output.ts';
import { line } from '../../shell/terminal-text.ts';

const help = `
Destroys the data-encryption keys of the organization. After that nobody can decrypt any of its values, in the vault, in its
recovery data or in backups. This cannot be undone. With --wait-days the organization is locked first, and
\`anima shred cancel\` cancels the shredding until then. The signed receipts are printed on standard output, one per line, or
written to a file.

The id of the organization must be typed as confirmation. Scripts use --yes together with --org ID.

Examples:
  $ anima shred --wait-days 7
  $ anima shred --yes --org 0123456789abcdef --receipt receipt.jws
  $ anima shred status
  $ anima shred cancel`;

interface Options {
  readonly waitDays?: string;
  readonly org?: string;
  readonly yes?: boolean;
  readonly receipt?: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const shred = program
    .command('shred')
    .description('destroy all data of the organization irreversibly')
    .option('--wait-days <days>', 'lock the organization first, for 1 to 30 days; can be cancelled during this time')
    .option('--org <id>', 'id of the organization to destroy')
    .option('--yes', 'skip the confirmation; requires --org')
    .option('--receipt <file>', 'write the receipts to a new file')
    .addHelpText('after', help)
    .action(async (options: Options, command: Command) => await start(shellOf(command), options));
  shred
    .command('status')
    .description('show whether the organization is locked or shredded, with the receipts')
    .action(async (_options: object, command: Command) => {
      const shell = shellOf(command);
      const file = await reserveFile(command.optsWithGlobals<Options>().receipt);
      await file.keepIf(async () => reportShred(shell, await (await shell.client()).org.shredStatus(), file));
    });
  shred
    .command('cancel')
    .description('cancel a pending shredding and unlock the organization')
    .action(async (_options: object, command: Command) => {
      const shell = shellOf(command);
      const answer = await (await shell.client()).org.cancelShred();
      shell.print(line`The shredding is cancelled; the organization ${answer.org} is ${answer.state}.`, answer);
    });
}

async function start(shell: Shell, { waitDays, org: expected, yes, receipt }: Options): Promise<void> {
  const days = waitDays === undefined ? 0 : parseWhole('--wait-days', waitDays);
  if (yes === true && expected === undefined) {
    throw usageError('--yes requires --org ID, so that a script can’t shred the wrong organization. Nothing was done');
  }
  if (yes !== true && !shell.stdin.isTTY) {
    throw usageError(
      'There is no terminal for the confirmation; nothing was done',
      'In scripts use --yes and --org ID.',
    );
  }
  const client = await shell.client();
  const { org, state } = await client.org.get();
  if (expected !== undefined && expected !== org) {
    throw usageError(
      '--org does not match the organization of the key in use; nothing was done',
      '`anima whoami` shows it.',
    );
  }
  if (yes !== true) {
    const { url } = await shell.profile();
    shell.note(
      `${formatFacts([
        ['vault', url],
        ['organization', `${org} (${state})`],
      ])}\n${warning(days)}`,
    );
    await shell.confirm('Type the id of the organization to continue:', org);
  }
  const file = await reserveFile(receipt);
  await file.keepIf(async () => reportShred(shell, await client.org.shred({ confirm: org, waitDays: days }), file));
}

const warning = (days: number): string =>
  days === 0
    ? 'All values of this organization become unreadable immediately, irreversibly and for everyone.'
    : `All requests for its values are rejected from now on. In ${days} ${days === 1 ? 'day' : 'days'} all values become unreadable irreversibly.`;

/** Prints the state on standard error and the receipts, which must be kept, on standard output. */
async function reportShred(shell: Shell, answer: ShredResponse, file: ReservedFile): Promise<boolean> {
  const { state, shredAt, shreddedAt, final, receipts, org } = answer;
  const text = receipts.map((receipt) => `${receipt}\n`).join('');
  const written = await file.write(text);
  if (!shell.json) {
    shell.note(
      formatFacts([
        ['organization', org],
        ['state', state],
        ['shredded at', shreddedAt],
        ['to be shredded at', shredAt],
        [
          'beyond recovery',
          state === 'shredded' ? (final ? 'yes' : 'not yet known: a copy may exist; check again later') : undefined,
        ],
        ['receipts', receipts.length === 0 ? undefined : String(receipts.length)],
      ]),
    );
    if (receipts.length > 0) shell.note('Keep the receipts with the public keys (`anima receipt keys`).');
  }
  shell.print(written ? '' : text, answer);
  return written;
}
