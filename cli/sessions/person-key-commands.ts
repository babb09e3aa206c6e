/** `anima approvals key`: the key to which values of custody approval are sealed for the person of this device. */
import type { Command } from 'commander';
import type { PersonKeyInfo, SessionClient } from '../../sdk/src/session/index.ts';
import { commandActions } from '../shell/command-action.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts } from '../shell/terminal-output.ts';
import { line } from '../shell/terminal-text.ts';
import { type OrgFlag, withDevice } from './open-device.ts';
import { asCommandError } from './session-errors.ts';

const help = `
Values of custody approval are sealed to this key (\`anima set --custody approval\`). Each approving device of the person has it,
so each of them can answer for every such value, also for those that were set before it was added. The service never has it.

Examples:
  $ anima approvals key create      once, on any approving device
  $ anima approvals key share       after a further device ran \`anima approvals key show\` once
  $ anima approvals key rotate      after a device was removed; then set the values again, with new secrets`;

/** Adds the group `key` to `anima approvals`. */
export function addPersonKeyCommands(approvals: Command, shellOf: (command: Command) => Shell): void {
  const key = approvals
    .command('key')
    .description('manage the key to which values are sealed for you')
    .addHelpText('after', help);
  const runs = commandActions(shellOf, asCommandError);
  const add = (name: string, text: string): Command =>
    key.command(name).description(text).option('--org <id>', 'the organization, if this profile has several');
  add('show', 'show which devices have the key').action(runs(show));
  add('create', 'make the key, for all your approving devices').action(runs(create));
  add('share', 'give the key to further approving devices of yours').action(runs(share));
  add('rotate', 'replace the key, after a device was removed').action(runs(rotate));
}

async function show(shell: Shell, flags: OrgFlag): Promise<void> {
  await withDevice(shell, flags, {}, async (client) => {
    // Also publishes the key of this device, so that another one can give it the key of the person.
    await client.approvals.questions();
    const info = await client.approvals.personKey();
    if (info === undefined) {
      shell.print('You have no key yet.', null);
      shell.note('Make it on one of your approving devices: `anima approvals key create`.');
      return;
    }
    print(shell, info);
    if (!info.isCurrent)
      shell.note(
        'A device that has the key does not approve any more. Nobody can set a value for you before `anima approvals key rotate`.',
      );
    else if (info.devices.some(({ hasKey }) => !hasKey))
      shell.note('To give it to the others, on a device that has it: `anima approvals key share`.');
  });
}

const print = (shell: Shell, info: PersonKeyInfo): void =>
  shell.print(
    formatFacts([
      ['epoch', String(info.epoch)],
      ['edition', String(info.edition)],
      ['state', info.isCurrent ? 'current' : 'outdated'],
      ...info.devices.map(({ device, hasKey, isThis }): [string, string] => [
        isThis ? 'this device' : 'device',
        `${device} ${hasKey ? 'has it' : 'does not have it'}`,
      ]),
    ]),
    info,
  );

async function printAfter(shell: Shell, client: SessionClient): Promise<void> {
  const info = await client.approvals.personKey();
  if (info !== undefined) print(shell, info);
}

async function create(shell: Shell, flags: OrgFlag): Promise<void> {
  await withDevice(shell, flags, {}, async (client) => {
    await client.approvals.createPersonKey();
    await printAfter(shell, client);
    shell.note(
      line`Values can be sealed for you now: \`anima set NAME --custody approval --approver ${client.person}\`.`,
    );
  });
}

async function share(shell: Shell, flags: OrgFlag): Promise<void> {
  await withDevice(shell, flags, {}, async (client) => {
    const added = await client.approvals.sharePersonKey();
    shell.print(added.length === 0 ? 'No further device needs the key.' : `Given to ${added.join(', ')}.`, { added });
    if (added.length === 0)
      shell.note(
        'A device gets it after it was admitted with the right approve, and ran `anima approvals key show` once.',
      );
  });
}

async function rotate(shell: Shell, flags: OrgFlag): Promise<void> {
  await withDevice(shell, flags, {}, async (client) => {
    await client.approvals.rotatePersonKey();
    await printAfter(shell, client);
    shell.note(
      'Values that were set before can still be used. A removed device could open them: set them again, with new secrets of the providers.',
    );
  });
}
