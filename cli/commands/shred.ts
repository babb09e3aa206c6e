import type { Command } from 'commander';
import type { ShredResponse } from '../../sdk/src/index.ts';
import { usageError } from '../shell/command-error.ts';
import { parseWhole } from '../shell/durations.ts';
import { type ReservedFile, reserveFile } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts } from '../shell/terminal-output.ts';

const help = `
Destroys the keys under which the data of the organization lies: from then on nobody can open any of its values, in the
vault, in its recovery data or in backups. Nothing brings them back. With --wait-days the organization is locked first,
and \`anima shred cancel\` ends that. The signed receipts go to standard output, one a line, or to a file.

The id of the organization is to be typed; scripts give --yes together with --org ID.

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
    .description('destroy all data of the organization, for good')
    .option('--wait-days <days>', 'lock the organization first, for 1 to 30 days in which it can be cancelled')
    .option('--org <id>', 'the organization that is meant')
    .option('--yes', 'do not ask; only with --org')
    .option('--receipt <file>', 'write the receipts to a new file')
    .addHelpText('after', help)
    .action(async (options: Options, command: Command) => await start(shellOf(command), options));
  shred
    .command('status')
    .description('whether the organization is locked or shredded, with the receipts')
    .action(async (_options: object, command: Command) => {
      const shell = shellOf(command);
      const file = await reserveFile(command.optsWithGlobals<Options>().receipt);
      await file.keepIf(async () => reportShred(shell, await (await shell.client()).org.shredStatus(), file));
    });
  shred
    .command('cancel')
    .description('cancel a shredding that waits, and unlock the organization')
    .action(async (_options: object, command: Command) => {
      const shell = shellOf(command);
      const answer = await (await shell.client()).org.cancelShred();
      shell.print(`The shredding is cancelled; the organization ${answer.org} is ${answer.state}.`, answer);
    });
}

async function start(shell: Shell, { waitDays, org: expected, yes, receipt }: Options): Promise<void> {
  const days = waitDays === undefined ? 0 : parseWhole('--wait-days', waitDays);
  if (yes === true && expected === undefined) {
    throw usageError(
      '--yes needs --org ID, so that no script shreds another organization than it means. Nothing was done',
    );
  }
  if (yes !== true && !shell.stdin.isTTY) {
    throw usageError('There is no terminal to ask at; nothing was done', 'Scripts give --yes and --org ID.');
  }
  const client = await shell.client();
  const { org, state } = await client.org.get();
  if (expected !== undefined && expected !== org) {
    throw usageError(
      '--org names another organization than the key in use; nothing was done',
      '`anima whoami` tells which.',
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
    await shell.confirm('Type the id of the organization to go on:', org);
  }
  const file = await reserveFile(receipt);
  await file.keepIf(async () => reportShred(shell, await client.org.shred({ confirm: org, waitDays: days }), file));
}

const warning = (days: number): string =>
  days === 0
    ? 'All values of this organization become unreadable at once, for everyone and for good.'
    : `All requests for its values are refused from now on; in ${days} ${days === 1 ? 'day' : 'days'} all of them become unreadable for good.`;

/** The state for people on standard error, the receipts on standard output: they are what is to be kept. */
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
          state === 'shredded' ? (final ? 'yes' : 'not yet known: a copy may exist; look again later') : undefined,
        ],
        ['receipts', receipts.length === 0 ? undefined : String(receipts.length)],
      ]),
    );
    if (receipts.length > 0) shell.note('Keep the receipts with the public keys (`anima receipt keys`).');
  }
  shell.print(written ? '' : text, answer);
  return written;
}
