import type { Command } from 'commander';
import { asCommandError } from '../../devices/device-errors.ts';
import * as pairing from '../../devices/pairing-commands.ts';
import * as recovery from '../../devices/recovery-commands.ts';
import * as roster from '../../devices/roster-commands.ts';
import * as transfer from '../../devices/transfer-commands.ts';
import * as vaults from '../../devices/vault-commands.ts';
import { commandActions } from '../../shell/command-action.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
A device vault holds records that only the devices of a user can open. The service stores ciphertext, and has no key. The
commands need the key of a user (\`anima users create\`, \`anima login --profile me\`). \`anima records\` reads and writes the
records.

Each profile has its own keys on this machine. They are in the system keyring, or in a file of mode 0600 if there is no
keyring. \`anima doctor\` shows which. If this machine has one vault, no command needs its id; otherwise name it with --vault.

A new device is added in two steps: \`join\` on it, \`approve\` on a device with the role admin. Both show a code, which a
person compares. With --qr, a QR code or its text is copied from one device to the other instead.

Examples:
  $ anima device create                              a new vault, with this device as its first
  $ anima device recovery-code --file recovery.html  a page to print; the way back if all devices are lost
  $ anima device join                                on the second device
  $ anima device approve --label phone               on the first device, while the second one waits
  $ anima device approve --role data --label agent   a device that reads and writes records only
  $ anima device list
  $ anima device sync --watch`;

/** What a subcommand adds to its line in the list. */
const helps = {
  approve: `
--list shows the pairings that wait, and --refuse ends one. The role admin may add and remove devices: such a device can take
over the vault. The role data is for agents.

Examples:
  $ anima device approve --label phone
  $ anima device approve --qr                        asks for the text of the QR code that the new device shows
  $ anima device approve --qr show                   shows a QR code for \`anima device join --qr read\``,
  join: `
Examples:
  $ anima device join                                the only vault of the user
  $ anima device join v0v1v2v3v4v5v6v7 --qr          shows a QR code for \`anima device approve --qr\``,
  recover: `
The code is asked for and not shown; it is no argument. Afterwards this device is the only one of the vault, and a new code
is shown or written to --file.

Example:
  $ anima device recover v0v1v2v3v4v5v6v7 --file recovery.html`,
} as const;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const device = program
    .command('device')
    .description('manage vaults that only the devices of a user can open')
    .addHelpText('after', help);
  const add = (name: string, text: string): Command => device.command(name).description(text);
  const runs = commandActions(shellOf, asCommandError);
  const vaultOption = ['--vault <id>', 'the vault, if this machine has several'] as const;
  const yesOption = ['--yes', 'skip the confirmation'] as const;

  add('create', 'create a vault with this device as its first')
    .option('--label <name>', 'name of this device in the list, encrypted (default: the name of this machine)')
    .action(runs(roster.create));
  add('join', 'make this device a member of a vault; needs `approve` on another device')
    .argument('[vault]', 'id of the vault; not needed if the user has one')
    .option('--qr [show|read]', 'pair with a QR code instead of comparing codes: show one (default), or read one')
    .addHelpText('after', helps.join)
    .action(runs(pairing.join));
  add('approve', 'add a device that waits in `join`')
    .argument('[pairing]', 'id that the new device shows; not needed if one device waits')
    .option(...vaultOption)
    .option('--role <role>', 'admin (default), or data: reads and writes records only')
    .option('--label <name>', 'name of the new device in the list, encrypted')
    .option('--qr [read|show]', 'pair with a QR code instead of comparing codes: read one (default), or show one')
    .option('--list', 'list the devices that wait, and add none')
    .option('--refuse', 'end the named pairing without adding its device')
    .addHelpText('after', helps.approve)
    .action(runs(pairing.approve));
  add('list', 'list the vaults of the user, and the devices of those on this machine').action(runs(roster.list));
  add('remove', 'remove a device; it gets nothing that is written from then on')
    .argument('<device>', 'its id or label')
    .option(...vaultOption)
    .option(...yesOption)
    .action(runs(roster.remove));
  add('leave', 'end the membership of this device, and delete its keys and records here')
    .option(...vaultOption)
    .option('--forget', 'only delete them here, if this device was removed or the service is gone')
    .option(...yesOption)
    .action(runs(roster.leave));
  add('rotate', 'replace the key of the vault')
    .option(...vaultOption)
    .action(runs(roster.rotate));
  add('recovery-code', 'make a recovery code; an earlier one stops working')
    .option(...vaultOption)
    .option('--file <path>', 'write a printable page to a new file of mode 0600 instead of showing the code')
    .option(...yesOption)
    .action(runs(recovery.recoveryCode));
  add('recover', 'recover a vault with its recovery code, if all devices are lost')
    .argument('[vault]', 'id of the vault, on the page of the code; not needed if the user has one')
    .option('--label <name>', 'name of this device in the list, encrypted (default: the name of this machine)')
    .option('--file <path>', 'write the page of the new code to a new file of mode 0600 instead of showing the code')
    .addHelpText('after', helps.recover)
    .action(runs(recovery.recover));
  add('sync', 'read what other devices wrote, and write what waits here')
    .option(...vaultOption)
    .option('--watch', 'go on until Ctrl-C, and print changed records')
    .option('--every <duration>', 'time between two syncs of --watch (default: 5s)')
    .action(runs(vaults.sync));
  add('prune', 'delete earlier versions of all records for good, so that the log of the vault becomes short')
    .option(...vaultOption)
    .option(...yesOption)
    .action(runs(vaults.prune));
  add('head', 'show a code of the newest entry, to compare with other devices')
    .option(...vaultOption)
    .action(runs(roster.head));
  add('close', 'end a vault for all devices, for good')
    .option(...vaultOption)
    .option('--yes', 'skip the confirmation; requires --vault')
    .action(runs(vaults.close));
  add('delete', 'delete a closed vault from the service, or request the deletion of another one')
    .argument('<vault>', 'id of the vault')
    .option(...yesOption)
    .action(runs(vaults.deleteVault));
  add('keep', 'cancel the requested deletion of a vault')
    .option(...vaultOption)
    .action(runs(vaults.keep));
  add('export-json', 'write all records and versions as JSON, not encrypted')
    .option(...vaultOption)
    .option('-o, --output <file>', 'write a file of mode 0600; - for standard output')
    .option('-f, --force', 'replace an existing file')
    .action(runs(transfer.exportJson));
  add('export-pia', 'write the newest records to a file that a new code opens')
    .option(...vaultOption)
    .option('-o, --output <file>', 'the file, of mode 0600')
    .option('-f, --force', 'replace an existing file')
    .action(runs(transfer.exportPia));
  add('import-pia', 'import such a file; asks for its code, or reads it from standard input')
    .argument('<file>', 'the file')
    .option(...vaultOption)
    .action(runs(transfer.importPia));
}
