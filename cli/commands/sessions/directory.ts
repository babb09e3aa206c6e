import type { Command } from 'commander';
import * as changes from '../../sessions/directory-changes.ts';
import * as keys from '../../sessions/directory-create.ts';
import * as exports from '../../sessions/directory-export.ts';
import { rotate } from '../../sessions/directory-rotate.ts';
import * as views from '../../sessions/directory-status.ts';
import * as fleets from '../../sessions/fleet-commands.ts';
import * as invites from '../../sessions/invite-commands.ts';
import { asCommandError } from '../../sessions/session-errors.ts';
import { commandActions } from '../../shell/command-action.ts';
import { collectText } from '../../shell/repeatable-options.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
The directory is a signed list of the devices of the organization: whose they are, and which agents may write to each other.
The service stores it and can add nobody. The commands need an admin key (\`anima login --profile admin\`), and the authority
key that \`create\` makes on this machine. That key never leaves the machine; the recovery key replaces it if it is lost.

An admin alone can add only the first device of a person, and can always suspend and revoke. A further device, an agent, a
fleet and a link get nothing before a device of the person confirms them (\`anima session confirm\`).

An id can be shortened to its first 4 or more characters.

Examples:
  $ anima directory create --recovery-file recovery.txt   then move the file offline
  $ anima invite create --role owner                      the first device of a new person
  $ anima directory pending
  $ anima directory admit                                 shows the fingerprint to compare
  $ anima directory admit --fingerprint 6055-TSHE-G6CE-5DA4 --yes
  $ anima directory suspend 2e4a
  $ anima directory status`;

const helps = {
  admit: `
The fingerprint is the one that the new device shows. Without it, a person compares it in this terminal. --yes is accepted
only with --fingerprint.

A person who lost all devices needs two authorities: --cosigner reads the key of the second one (\`export-authority\`).`,
  rotate: `
Signs with the recovery key (--recovery-file, standard input, or typed without being shown), or with the key of this machine and
a second authority (--cosigner). A machine that lost its authority key gets a new one. --new-recovery also replaces the
recovery key.

Examples:
  $ anima directory rotate --recovery-file recovery.txt --new-authority   this machine gets a new key
  $ anima directory rotate --recovery-file recovery.txt --remove KEY      without a stolen key
  $ anima directory rotate --recovery-file recovery.txt --new-recovery-file new.txt`,
  certify: `
Runs where the key of the fleet is. Standard input is {"ik","dh"}, as \`anima agent join --certify\` writes it. Anyone who can
run this command can add agents to the fleet, so restrict who can run it.

Example:
  $ anima agent join --org ORG --pin PIN --certify 'ssh holder anima directory certify --org ORG --key-file fleet.key'`,
} as const;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const directory = program
    .command('directory')
    .description('manage the signed directory of devices, as an admin')
    .addHelpText('after', help);
  const add = (name: string, text: string): Command => directory.command(name).description(text);
  const runs = commandActions(shellOf, asCommandError);
  const canOption = ['--can <right>', 'a right that the directory lists for it; repeatable', collectText] as const;
  const yesOption = ['--yes', 'skip the confirmation'] as const;

  add('create', 'begin the directory; makes the authority key of this machine and the recovery key')
    .option('--authority <key>', 'public key of a further authority; repeatable (`anima directory key`)', collectText)
    .option('--recovery-file <path>', 'write the recovery key to a new file of mode 0600 instead of showing it')
    .action(runs(keys.create));
  add('status', 'list the persons, devices, fleets, links and keys')
    .option('--all', 'also list revoked devices')
    .action(runs(views.status));
  add('pending', 'list what waits for an admin, or for a device of a person').action(runs(views.pending));
  add('admit', 'add a device that answered to an invite, after a comparison of its fingerprint')
    .argument('[invite]', 'id of the invite; not needed if one device waits')
    .option('--fingerprint <code>', 'the fingerprint that the device shows')
    .option('--yes', 'do not ask; requires --fingerprint')
    .option(...canOption)
    .option('--expires-in <duration>', 'end the device after this time: 12h, 30d …')
    .option('--cosigner <file>', 'the key of a second authority; - for standard input')
    .addHelpText('after', helps.admit)
    .action(runs(invites.admit));
  add('admit-broker', 'list the vault as the one that asks a person about uses of values (docs/approvals.md)')
    .argument('<person>', 'id of the person')
    .action(runs(exports.admitBroker));
  add('suspend', 'stop a device or a fleet until it is resumed')
    .argument('<id>', 'id of the device, fleet or member')
    .option('--certificate <file>', 'the certificate of a member of a fleet, in base64; - for standard input')
    .action(runs((shell, id: string, flags: changes.StatusFlags) => changes.changeStatus(shell, 'suspend', id, flags)));
  add('resume', 'let a suspended device or fleet go on')
    .argument('<id>', 'id of the device, fleet or member')
    .action(runs((shell, id: string, flags: changes.StatusFlags) => changes.changeStatus(shell, 'resume', id, flags)));
  add('revoke', 'remove a device or a fleet for ever')
    .argument('<id>', 'id of the device, fleet or member')
    .option(...yesOption)
    .action(runs((shell, id: string, flags: changes.StatusFlags) => changes.changeStatus(shell, 'revoke', id, flags)));
  for (const [op, text] of [
    ['link', 'let two agents or fleets write to each other'],
    ['unlink', 'end that'],
  ] as const) {
    add(op, text)
      .argument('<id>', 'id of an agent or a fleet')
      .argument('<other>', 'id of the other one; the same one for a link within a fleet')
      .action(runs((shell, one: string, other: string) => changes.changeLink(shell, op, one, other)));
  }
  add('delegate', 'let a fleet key issue certificates for agents of a person')
    .argument('<person>', 'id of the person')
    .requiredOption('--key-file <path>', 'new file of mode 0600 for the fleet key')
    .requiredOption('--expires-in <duration>', 'end of the fleet: 30d, 52w …')
    .option(...canOption)
    .action(runs(fleets.delegate));
  add('certify', 'issue a certificate of 24 hours with a fleet key; sends nothing')
    .requiredOption('--key-file <path>', 'the file with the fleet key')
    .requiredOption('--org <id>', 'id of the organization')
    .option(...canOption)
    .addHelpText('after', helps.certify)
    .action(runs(fleets.certify));
  add('rotate', 'replace authority keys or the recovery key')
    .option('--recovery-file <path>', 'the file with the recovery key; - for standard input')
    .option('--cosigner <file>', 'the key of a second authority, instead of a signature of the recovery key')
    .option('--new-authority', 'replace the key of this machine')
    .option('--add <key>', 'public key of an authority to add; repeatable', collectText)
    .option('--remove <key>', 'public key of an authority to remove; repeatable', collectText)
    .option('--new-recovery', 'replace the recovery key, and show the new one')
    .option('--new-recovery-file <path>', 'the same, and write it to a new file of mode 0600')
    .option('--pin <pin>', 'what another machine verified, if this one has no pin')
    .addHelpText('after', helps.rotate)
    .action(runs(rotate));
  add('export', 'print the signed entries, one per line, for `anima audit verify-approvals`').action(
    runs(exports.exportEntries),
  );
  add('checkpoint', 'let new devices verify the directory in one step').action(runs(changes.checkpoint));
  add('key', 'show the public authority key of this machine; makes one if there is none')
    .option('--pin <pin>', 'store what another machine verified')
    .action(runs(keys.key));
  add('export-authority', 'write the secret authority key of this machine to a file, as a second key for `rotate`')
    .argument('<path>', 'new file of mode 0600')
    .action(runs(changes.exportAuthority));
}
