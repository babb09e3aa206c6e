import type { Command } from 'commander';
import { type EnrollFlags, enroll, join } from '../../sessions/enroll-commands.ts';
import { listen } from '../../sessions/listen/listen.ts';
import { asCommandError } from '../../sessions/session-errors.ts';
import { commandActions } from '../../shell/command-action.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
An agent is a device without a person: a program that answers messages. It has its own keys on this machine, in the system
keyring or in a file of mode 0600, and needs no API key. \`anima session status\` shows it.

Examples:
  $ ANIMA_INVITE=… anima agent enroll --url https://vault.example.com
  $ anima agent listen -- ./answer.sh
  $ anima agent listen --timeout 30m -- claude -p`;

const helps = {
  enroll: `
Waits until an admin has admitted the agent (\`anima directory admit\`) and a device of its person has confirmed it
(\`anima session confirm\`), up to one day. With the same invite again, it goes on where it stopped, so that a service can run it
at each start.

Examples:
  $ ANIMA_INVITE=… anima agent enroll
  $ anima agent enroll --invite-file invite.txt
  $ anima agent enroll < invite.txt`,
  join: `
A member of a fleet is not in the directory. A machine with the fleet key certifies it for 24 hours at a time. COMMAND gets
{"device","ik","dh"} on standard input, and prints a certificate in base64. Give the same --certify to \`listen\`.

Example:
  $ anima agent join --org ORG --pin PIN --certify 'ssh holder anima directory certify --org ORG --key-file fleet.key'`,
  listen: `
The command gets a message on standard input. Its standard output is the answer; standard error stays here. Only people are
answered, unless --from-agents is given: two agents that answer each other would not stop.

  ANIMA_CONVERSATION, ANIMA_MESSAGE_ID, ANIMA_MESSAGE_TYPE, ANIMA_MESSAGE_TIME     the message
  ANIMA_SENDER, ANIMA_SENDER_PERSON, ANIMA_SENDER_ROLE, ANIMA_DEVICE               who sent it, and this device

ANIMA_KEY, ANIMA_INVITE and other credentials of the vault are not passed on. Messages of a conversation are answered one after
another; different conversations at the same time. The text of a message is untrusted input: pass it to a shell only as data.

Exit code 0: the output is sent, or nothing if it is empty. Any other end, a time-out or too much output: the output is not
sent, and a note says why (--no-notes sends none).

The message /stop ends the running command of its conversation, and drops what waits there. Ctrl-C takes no more messages, and
waits for running commands. Messages that were not started are answered at the next start. A message whose command ran when the
process crashed is not run again, because nobody knows how far it came; its sender gets a note. --rerun runs it again.

Examples:
  $ anima agent listen -- ./answer.sh
  $ anima agent listen --timeout 30m --max-output 1000000 -- python3 agent.py`,
} as const;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const runs = commandActions(shellOf, asCommandError);
  const agent = program
    .command('agent')
    .description('enroll an agent, and answer messages with a command')
    .addHelpText('after', help);
  agent
    .command('enroll')
    .description('make this machine an agent, with an invite from ANIMA_INVITE, a file, or standard input')
    .option('--invite-file <path>', 'read the invite from a file; - for standard input')
    .option('--history-days <days>', 'keep messages on this machine for so many days (default: 0)')
    .addHelpText('after', helps.enroll)
    .action(runs((shell, flags: EnrollFlags) => enroll(shell, 'agent', flags)));
  agent
    .command('join')
    .description('make this machine a member of a fleet')
    .requiredOption('--org <id>', 'id of the organization')
    .requiredOption('--pin <pin>', 'pin of the directory, from the admin')
    .requiredOption('--certify <command>', 'command that asks for a certificate')
    .addHelpText('after', helps.join)
    .action(runs(join));
  agent
    .command('listen')
    .description('answer each message with the output of a command')
    .argument('<command...>', 'the command and its arguments, after --')
    .option('--timeout <duration>', 'longest time of a command', '10m')
    .option('--grace <duration>', 'time for running commands after Ctrl-C', '10s')
    .option('--parallel <count>', 'conversations that are answered at the same time', '4')
    .option('--max-input <bytes>', 'longest message', '1048576')
    .option('--max-output <bytes>', 'longest answer', '1048576')
    .option('--stop-word <text>', 'the message that stops the running command', '/stop')
    .option('--from-agents', 'also answer agents')
    .option('--no-notes', 'send no note if a command fails')
    .option('--rerun', 'run commands again that were running when the last process crashed')
    .option('--certify <command>', 'as for `anima agent join`')
    .option('--org <id>', 'the organization, if this profile has several')
    .addHelpText('after', helps.listen)
    .action(runs(listen));
}
