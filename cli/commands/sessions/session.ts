import type { Command } from 'commander';
import * as devices from '../../sessions/device-commands.ts';
import { type EnrollFlags, enroll } from '../../sessions/enroll-commands.ts';
import type { OrgFlag } from '../../sessions/open-device.ts';
import { type ProposeFlags, propose, publish, type SignFlags, sign } from '../../sessions/proposal-commands.ts';
import { asCommandError } from '../../sessions/session-errors.ts';
import { commandActions } from '../../shell/command-action.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
A device of session custody sends and receives messages that only devices can open. Each profile has one device for each
organization. Its keys are made on this machine, and are in the system keyring, or in a file of mode 0600 if there is none.
No API key is needed: the device signs its requests.

\`anima agent\` is for devices without a person. \`anima device\` is something else: vaults of records.

Examples:
  $ ANIMA_INVITE=… anima session enroll --url https://vault.example.com
  $ anima session status
  $ anima session list
  $ anima session confirm 2e4a              an agent or further device of yours, after a comparison
  $ anima session suspend 2e4a              stops an agent of yours at once
  $ anima session propose 2e4a 77b0         a conversation with agents of other persons`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const session = program
    .command('session')
    .description('enroll this machine as a device of a person, and manage its devices')
    .addHelpText('after', help);
  const add = (name: string, text: string): Command =>
    session.command(name).description(text).option('--org <id>', 'the organization, if this profile has several');
  const runs = commandActions(shellOf, asCommandError);

  session
    .command('enroll')
    .description('make this machine a device, with an invite from ANIMA_INVITE, a file, or typed')
    .option('--invite-file <path>', 'read the invite from a file; - for standard input')
    .option('--history-days <days>', 'keep messages on this machine for so many days (default: 30)')
    .action(runs(async (shell, flags: EnrollFlags) => await enroll(shell, 'owner', flags)));
  add('status', 'show this device, its fingerprint, and the head of the directory').action(runs(devices.status));
  add('list', 'list the devices of the organization, as this device verified them').action(runs(devices.list));
  add('confirm', 'confirm a further device, an agent, a fleet or a link of yours')
    .argument('<id>', 'its id; of a device, the first 4 or more characters are enough')
    .option('--fingerprint <code>', 'the fingerprint that the device shows')
    .option('--yes', 'do not ask; for a device, requires --fingerprint')
    .action(runs(devices.confirm));
  add('suspend', 'stop an agent or a fleet of yours; only an admin can resume it')
    .argument('<id>', 'its id; of an agent, the first 4 or more characters are enough')
    .action(runs(devices.suspend));
  add('propose', 'propose a conversation with agents of other persons, who sign it too')
    .argument('<ids...>', 'ids of agents and persons; of an agent, the first 4 or more characters are enough')
    .option('--conversation <id>', 'new participants for this conversation, which you opened')
    .action(runs(async (shell, ids: string[], flags: ProposeFlags) => await propose(shell, ids, flags)));
  add('sign', 'sign a proposal, so that agents of yours can take part')
    .argument('[proposal]', 'the output of `anima session propose`; default: standard input')
    .option('--yes', 'do not ask')
    .action(runs(async (shell, proposal: string | undefined, flags: SignFlags) => await sign(shell, proposal, flags)));
  add('publish', 'open the conversation of a proposal')
    .argument('<proposal>', 'the output of `anima session propose`')
    .argument('<signatures...>', 'the outputs of `anima session sign`')
    .action(
      runs(
        async (shell, proposal: string, signatures: string[], flags: OrgFlag) =>
          await publish(shell, proposal, signatures, flags),
      ),
    );
  add('forget', 'delete the keys and messages of this device')
    .option('--yes', 'skip the confirmation')
    .action(runs(devices.forget));
}
