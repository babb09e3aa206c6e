import type { Command } from 'commander';
import * as invites from '../../sessions/invite-commands.ts';
import { asCommandError } from '../../sessions/session-errors.ts';
import { commandActions } from '../../shell/command-action.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
An invite lets one device enroll, once, within ten minutes. It is a secret: give it to the person by a channel that the
service does not control. The service does not get it. Then \`anima directory admit\` on this machine, which is the only one
that can verify the answer.

Standard output contains only the invite or the link, so INVITE=$(anima invite create …) works.

Examples:
  $ anima invite create                                   a new person, and their first device
  $ anima invite create annannannannanna                  a further device of a person
  $ anima invite create --page https://page.example.com   a link: the person opens it on the phone
  $ anima invite create annannannannanna --role agent     on the agent: ANIMA_INVITE=… anima agent enroll
  $ anima invite list
  $ anima invite withdraw 0123456789abcdef`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const runs = commandActions(shellOf, asCommandError);
  const invite = program
    .command('invite')
    .description('invite devices of persons, and agents, to the directory')
    .addHelpText('after', help);
  invite
    .command('create')
    .description('make an invite; it is shown only once')
    .argument('[person]', 'id of the person, 16 characters of 0-9 a-z; without it, a new person')
    .option('--role <role>', 'owner (default): a device that a person holds; agent or broker: a program')
    .option(
      '--page <url>',
      'address of the pages of the deployment: prints a link to the owner’s page, with the invite in it',
    )
    .action(runs(invites.create));
  invite
    .command('list')
    .description('list the invites of this machine, and the devices that answered')
    .action(runs(invites.list));
  invite
    .command('withdraw')
    .description('end an invite')
    .argument('<invite>', 'id of the invite, not the invite itself')
    .action(runs(invites.withdraw));
}
