/** `anima approvals key`: the key to which values of custody approval are sealed for the person of this device. */
import type { Command } from 'commander';
import { personKeyRecoveryPage } from '../../sdk/src/session/approvals/person-key-recovery-page.ts';
import type { PersonKeyInfo, PersonKeyRecovery, SessionClient } from '../../sdk/src/session/index.ts';
import { commandActions } from '../shell/command-action.ts';
import { reserveFile } from '../shell/private-files.ts';
import { attemptWithCode, giveCode, requirePlaceForCode, requireTyping } from '../shell/recovery-code-output.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts } from '../shell/terminal-output.ts';
import { line } from '../shell/terminal-text.ts';
import { type OrgFlag, withDevice } from './open-device.ts';
import { asCommandError, isSessionError } from './session-errors.ts';

const help = `
Values of custody approval are sealed to this key (\`anima set --custody approval\`). Each approving device of the person has it,
so each of them can answer for every such value, also for those that were set before it was added. The service never has it.

Examples:
  $ anima approvals key create      once, on any approving device; shows a recovery code
  $ anima approvals key share       after a further device ran \`anima approvals key show\` once
  $ anima approvals key rotate      after a device was removed; then set the values again, with new secrets
  $ anima approvals key recovery --file recovery.html     another recovery code, as a page to print
  $ anima approvals key recover     on a new device, when all others are lost`;

/** The options of the commands that make a recovery code. */
interface CodeFlags extends OrgFlag {
  readonly file?: string;
}

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
  const addWithCode = (name: string, text: string): Command =>
    add(name, text).option('--file <path>', 'write the recovery code to a new file, as a page to print');
  addWithCode('create', 'make the key, for all your approving devices, and a recovery code').action(runs(create));
  add('share', 'give the key to further approving devices of yours').action(runs(share));
  addWithCode('rotate', 'replace the key and its recovery code, after a device was removed').action(runs(rotate));
  addWithCode('recovery', 'make another recovery code for the key').action(runs(recovery));
  addWithCode('recover', 'get the key by its recovery code, after all other devices were lost').action(runs(recover));
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
    if (!info.hasRecovery)
      shell.note(
        'Without a recovery code, nobody opens the values after all devices are lost: `anima approvals key recovery`.',
      );
  });
}

const print = (shell: Shell, info: PersonKeyInfo): void =>
  shell.print(
    formatFacts([
      ['epoch', String(info.epoch)],
      ['edition', String(info.edition)],
      ['state', info.isCurrent ? 'current' : 'outdated'],
      ['recovery code', info.hasRecovery ? 'was made' : 'none'],
      ...info.devices.map(({ device, hasKey, isThis }): [string, string] => [
        isThis ? 'this device' : 'device',
        `${device} ${hasKey ? 'has it' : 'does not have it'}`,
      ]),
    ]),
    info,
  );

/** Makes a code, and shows it once. @param note what to say after it */
async function giveNewCode(
  shell: Shell,
  { file: path, ...flags }: CodeFlags,
  make: (client: SessionClient) => Promise<PersonKeyRecovery>,
  note: (client: SessionClient, info: PersonKeyInfo | undefined) => readonly string[],
): Promise<void> {
  requirePlaceForCode(shell, path);
  const file = await reserveFile(path);
  await file.keepIf(
    async () =>
      await withDevice(shell, flags, {}, async (client) => {
        const made = await make(client);
        const shown = {
          ...{
            code: made.code,
            page: personKeyRecoveryPage(made),
            of: `the key of ${client.person}`,
            again: 'anima approvals key recovery',
          },
          opens: 'Anyone who has it, and what the service stores, can open the values that wait for your approval.',
          facts: { before: { person: client.person } },
        };
        const isKept = await giveCode(shell, shown, file, path);
        for (const one of note(client, await client.approvals.personKey())) shell.note(one);
        return isKept;
      }),
  );
}

async function create(shell: Shell, flags: CodeFlags): Promise<void> {
  await giveNewCode(
    shell,
    flags,
    (client) => client.approvals.createPersonKey(),
    ({ person }) => [
      line`Values can be sealed for you now: \`anima set NAME --custody approval --approver ${person}\`.`,
    ],
  );
}

async function recovery(shell: Shell, flags: CodeFlags): Promise<void> {
  await giveNewCode(
    shell,
    flags,
    (client) => client.approvals.renewPersonKeyRecovery(),
    () => [
      'The code from before is replaced. If somebody else has seen it, also replace the key: `anima approvals key rotate`.',
    ],
  );
}

async function recover(shell: Shell, flags: CodeFlags): Promise<void> {
  requireTyping(shell);
  await giveNewCode(
    shell,
    flags,
    (client) =>
      attemptWithCode(
        shell,
        (code) => client.approvals.recoverPersonKey({ code }),
        (error) => isSessionError(error, 'recovery_code_refused'),
        'The code does not open the key. Nothing was changed. Type the newest code again.',
      ),
    (client, info) => [
      'This device has the key, and the key was replaced. Values that were set before can be used.',
      ...(info?.devices ?? [])
        .filter(({ isThis, hasKey }) => !isThis && hasKey)
        .map(
          ({ device }) =>
            line`The device ${device} of ${client.person} got it too. If it is lost: let an admin revoke it, then \`anima approvals key rotate\`.`,
        ),
      setAgain,
    ],
  );
}

const setAgain =
  'A removed or lost device could open values that were set before: set them again, with new secrets of the providers.';

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

async function rotate(shell: Shell, flags: CodeFlags): Promise<void> {
  await giveNewCode(
    shell,
    flags,
    (client) => client.approvals.rotatePersonKey(),
    () => ['Values that were set before can still be used.', setAgain],
  );
}
