import type { Command } from 'commander';
import { type ChatFlags, chat } from '../../sessions/chat/chat.ts';
import { asCommandError } from '../../sessions/session-errors.ts';
import { collectText } from '../../shell/repeatable-options.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
Opens a conversation of this device (\`anima session enroll\`) with an agent, a person, or both. Only the devices of the
participants can read the messages. TARGET is the id of an agent, a conversation (both can be shortened), or a person. A
conversation that does not exist is opened.

In a terminal: Return sends, \\ at the end of a line goes on in the next one, pasted lines are one message, and /help shows the
commands. Behind each message is how far it is: queued, sent, delivered, read. Control characters and invisible characters that
others send are shown as escapes.

In a pipe, each line of standard input is a message. The command ends when all are sent; with --wait after an answer, or with
--follow never. --json prints one object a line: message, sent, participants.

A new participant is shown, and nothing is sent before it is accepted.

Examples:
  $ anima chat --list
  $ anima chat 2e4a                                   with an agent
  $ anima chat 2e4a --with bobbobbobbobbobb           and another person
  $ echo 'Is the build green?' | anima chat 2e4a --wait 5m --text
  $ anima chat 2e4a --follow --json < /dev/null       prints what arrives`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('chat')
    .description('write with an agent or a person, so that only your devices can read it')
    .argument('[target]', 'id of an agent, a conversation or a person')
    .option('--list', 'list the conversations')
    .option('--with <id>', 'a further person or agent for a new conversation; repeatable', collectText)
    .option('--new', 'open another conversation with the same participants')
    .option('--history <count>', 'earlier messages to show (default: 20 in a terminal, otherwise 0)')
    .option('--text', 'print only the texts of messages')
    .option('--whole', 'send all of standard input as one message')
    .option('--wait <duration>', 'wait for an answer after the input ends, at most so long')
    .option('--follow', 'print messages until Ctrl-C after the input ends')
    .option('--accept', 'accept new participants without a person')
    .option('--org <id>', 'the organization, if this profile has several')
    .addHelpText('after', help)
    .action(async (target: string | undefined, flags: ChatFlags, command: Command) => {
      await chat(shellOf(command), target, flags).catch((error: unknown) => {
        throw asCommandError(error);
      });
    });
}
