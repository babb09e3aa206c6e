import type { Command } from 'commander';
import { asCommandError } from '../../devices/device-errors.ts';
import * as records from '../../devices/record-commands.ts';
import { commandActions } from '../../shell/command-action.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
Reads and writes the records of a device vault (\`anima device\`). A type is memory, session, provider or todo. Records are
encrypted on this device; reads come from its own copy and need no connection. \`anima device sync\` reads what other devices
wrote.

Content is JSON from a pipe or a file, and never an argument, because arguments are visible to others. --text takes plain
text and stores it as {"text": …}. Without an id, \`put\` chooses one.

If two devices change a record at the same time, the changes are merged. For a provider, and where a merge is not possible, a
person decides: \`conflicts\`, \`resolve\`.

Examples:
  $ echo 'Likes tea' | anima records put memory --text
  $ anima records put memory tea --file tea.json
  $ anima records list memory
  $ anima records get memory tea
  $ anima records search memory tea
  $ anima records history memory tea
  $ anima records restore memory tea 1
  $ anima records conflicts
  $ anima records resolve provider openai --keep mine`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const parent = program
    .command('records')
    .description('read and write records of a device vault')
    .addHelpText('after', help);
  const add = (name: string, text: string): Command =>
    parent.command(name).description(text).option('--vault <id>', 'the vault, if this machine has several');
  const type = ['<type>', 'memory, session, provider or todo'] as const;
  const id = ['<id>', 'id of the record'] as const;
  const runs = commandActions(shellOf, asCommandError);

  add('put', 'store a record')
    .argument(...type)
    .argument('[id]', 'id of the record: 1 to 64 of A-Z a-z 0-9 _ - (default: a random one)')
    .option('--file <path>', 'read the content from a file')
    .option('--text', 'the content is plain text, not JSON')
    .action(runs(records.put));
  add('get', 'print the content of a record')
    .argument(...type)
    .argument(...id)
    .action(runs(records.get));
  add('list', 'list the records of a type')
    .argument(...type)
    .action(runs(records.list));
  add('delete', 'delete a record on all devices')
    .argument(...type)
    .argument(...id)
    .option('--yes', 'skip the confirmation')
    .action(runs(records.remove));
  add('history', 'list the versions of a record, newest first')
    .argument(...type)
    .argument(...id)
    .action(runs(records.history));
  add('restore', 'write an earlier version as the next one, also of a deleted record')
    .argument(...type)
    .argument(...id)
    .argument('<version>', 'number of the version, from `history`')
    .action(runs(records.restore));
  add('search', 'find records that contain all words, on this device')
    .argument(...type)
    .argument('<words...>', 'the words')
    .option('--limit <number>', 'most records to print (default: 50)')
    .action(runs(records.search));
  add('conflicts', 'list the records that a person must decide about')
    .argument('[type]', type[1])
    .action(runs(records.conflicts));
  add('resolve', 'decide about such a record')
    .argument(...type)
    .argument(...id)
    .option('--keep <side>', 'mine: the version of this device; theirs: the one in the vault')
    .option('--file <path>', 'read merged content from a file')
    .option('--text', 'the merged content is plain text, not JSON')
    .action(runs(records.resolve));
  add('confirm', 'confirm the content of an imported record, after a look at it')
    .argument(...type)
    .argument(...id)
    .action(runs(records.confirm));
}
