import type { Command } from 'commander';
import { activity } from '../../sessions/activity-command.ts';
import * as approvals from '../../sessions/approval-commands.ts';
import { addPersonKeyCommands } from '../../sessions/person-key-commands.ts';
import { asCommandError } from '../../sessions/session-errors.ts';
import { commandActions } from '../../shell/command-action.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
A value can demand that a person allows each use (\`anima rules set --approver\`). The vault then asks the devices of this
person whose rights in the directory contain \`approve\`, and sends nothing before one of them says yes. The first command
here makes this device ready for questions. Do not use it on the machine of the agent: it could answer for you.

Examples:
  $ anima approvals list
  $ anima approvals yes k2m4          shows the request first
  $ anima approvals no k2m4 --suspend 2e4af149b78f4619525dca83b174c9ce
  $ anima approvals watch
  $ anima approvals activity --from 7d`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const group = program
    .command('approvals')
    .description('answer questions whether requests may use values')
    .addHelpText('after', help);
  const add = (name: string, text: string): Command =>
    group.command(name).description(text).option('--org <id>', 'the organization, if this profile has several');
  const runs = commandActions(shellOf, asCommandError);
  const idArgument = ['<id>', 'its id; the first 4 or more characters are enough'] as const;

  add('list', 'list the open questions for this device').action(runs(approvals.list));
  add('show', 'show what a question is about')
    .argument(...idArgument)
    .action(runs(approvals.show));
  add('yes', 'allow a request, after it was shown')
    .argument(...idArgument)
    .option('--yes', 'skip the confirmation')
    .action(runs(approvals.allow));
  add('no', 'refuse a request')
    .argument(...idArgument)
    .option('--suspend <device>', 'also stop this agent or fleet of yours; only an admin can resume it')
    .action(runs(approvals.deny));
  add('watch', 'print questions as they arrive, until Ctrl-C').action(runs(approvals.watch));
  add('activity', 'list what you allowed and what became of it, and tripwires that were read, newest first')
    .option('--from <time>', 'RFC 3339 time or age: 15m, 2h, 7d', '30d')
    .option('--limit <number>', 'most entries to print', '50')
    .action(runs(activity));
  addPersonKeyCommands(group, shellOf);
}
