import type { Command } from 'commander';
import { deviceFolder, hasDeviceVaults } from '../../devices/device-folder.ts';
import { listProfiles, removeProfile, usualProfiles } from '../../profiles/profile-store.ts';
import { CommandError, exitCodes } from '../../shell/command-error.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
Removes the profile and its key from this machine. The key itself stays valid; an admin can revoke it with
\`anima keys revoke ID\`. The keys and records of device vaults stay on this machine, and are used again after a login with
the same profile name. \`anima device leave\` deletes them.

Examples:
  $ anima logout
  $ anima logout --profile prod`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('logout')
    .description('remove a stored profile and its key')
    .addHelpText('after', help)
    .action(async (_options: object, command: Command) => await logout(shellOf(command)));
}

async function logout(shell: Shell): Promise<void> {
  const name = shell.profileName ?? (shell.env.ANIMA_PROFILE || (await usual(shell)));
  if (!(await removeProfile(shell.env, name))) {
    const others = await listProfiles(shell.env);
    throw new CommandError('There is no such profile; nothing was removed', {
      exit: exitCodes.notFound,
      next: others.length === 0 ? 'No profiles are stored.' : `Stored profiles: ${others.join(', ')}.`,
    });
  }
  shell.print(`Removed the profile ${name} and its key from this machine.`, { profile: name, removed: true });
  if (await hasDeviceVaults(shell.env, name)) {
    shell.note(
      `The device vaults of this profile stay on this machine: ${deviceFolder(shell.env, name)}. To delete one, log in as the user again, and run \`anima device leave\`.`,
    );
  }
  if (shell.env.ANIMA_KEY) shell.note('ANIMA_KEY is still set in this environment and takes precedence over profiles.');
}

/** The profile that commands without --profile use. */
async function usual(shell: Shell): Promise<string> {
  const stored = await listProfiles(shell.env);
  return usualProfiles.find((name) => stored.includes(name)) ?? usualProfiles[0];
}
