import type { Command } from 'commander';
import type { ExplainResponse } from '../../../sdk/src/index.ts';
import type { Shell } from '../../shell/shell.ts';
import { escapeForLine } from '../../shell/terminal-text.ts';

const help = `
The vault computes the answer from keyrings, slots, rosters, the directory and the deployed policies. REF is one of:

  value:NAME  blob:ID  user:USER  memory:USER/ID  message:USER/ID  device:USER/VAULT
  conversation:ID        messages between devices of the directory (\`anima chat --list\`)
  session-device:ID      messages for one of these devices (\`anima session list\`)
  login:ID               who gets API keys by a login of another system (\`anima logins list\`)

It needs a key with the role admin or auditor, or the key of a user for the data of that user.

Examples:
  $ anima explain value:prod/stripe/key
  $ anima explain conversation:0123456789abcdef0123456789abcdef`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('explain')
    .description('show who can open an item now, by which credential, and who cannot')
    .argument('<ref>', 'the item, such as value:prod/stripe/key')
    .addHelpText('after', help)
    .action(async (ref: string, _options: object, command: Command) => {
      const shell = shellOf(command);
      const answer = await (await shell.client()).explain(ref);
      shell.print(describe(answer), answer);
    });
}

function describe({ ref, custody, state, canOpen, cannotOpen }: ExplainResponse): string {
  const part = (title: string, parties: ExplainResponse['canOpen']): string[] =>
    parties.length === 0
      ? []
      : [
          `\n${title}`,
          ...parties.flatMap(({ who, how, until }) => [
            `- ${escapeForLine(who)}`,
            `  ${escapeForLine(how)}${until === undefined ? '' : ` Until ${escapeForLine(until)}.`}`,
          ]),
        ];
  return [
    `${escapeForLine(ref)}: ${custody} custody, ${state}`,
    ...(canOpen.length === 0 ? ['\nNobody can open it.'] : part('Can open it:', canOpen)),
    ...part('Cannot open it:', cannotOpen),
  ].join('\n');
}
