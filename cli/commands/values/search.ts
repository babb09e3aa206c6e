import type { Command } from 'commander';
import type { ValueInfo } from '../../../sdk/src/index.ts';
import { assertTags, tagsOf } from '../../secrets/value-tags.ts';
import { exitCodes } from '../../shell/command-error.ts';
import { collectText } from '../../shell/repeatable-options.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatTableWithHead, formatTime } from '../../shell/terminal-output.ts';
import { escapeForLine } from '../../shell/terminal-text.ts';

const help = `
Finds values whose name, tags, note or other metadata contain the text, regardless of case. All words and options must match.
The vault stores metadata encrypted, so the search takes place here, over the list of names. Values are neither searched nor
shown. Prints a table on a terminal, one name per line in a pipe. Exits with 3 if nothing is found.

Examples:
  $ anima search stripe
  $ anima search --tag web --metadata owner=ada
  $ anima search password --prefix prod/ --json`;

interface Options {
  readonly tag?: readonly string[];
  readonly metadata?: readonly string[];
  readonly prefix?: string;
}

export function register(
  program: Command,
  shellOf: (command: Command) => Shell,
  setExitCode: (code: number) => void,
): void {
  program
    .command('search')
    .description('find values by name and metadata')
    .argument('[words...]', 'text in the name or the metadata')
    .option('--tag <tag>', 'only values with this tag; repeatable', collectText)
    .option('--metadata <key[=text]>', 'only values with this metadata key, or key and text; repeatable', collectText)
    .option('--prefix <prefix>', 'only names with this prefix')
    .addHelpText('after', help)
    .action(async (words: string[], options: Options, command: Command) => {
      setExitCode(await search(shellOf(command), words, options));
    });
}

async function search(
  shell: Shell,
  words: readonly string[],
  { tag = [], metadata = [], prefix }: Options,
): Promise<number> {
  assertTags(tag);
  const client = await shell.client();
  const damaged: string[] = [];
  const all = await client.vault
    .list({ prefix, pageSize: 1000, onDamaged: (name) => void damaged.push(name) })
    .toArray();
  const found = all.filter(
    (info) =>
      words.every((word) => containsText(info, word)) &&
      tag.every((one) => tagsOf(info.metadata).includes(one)) &&
      metadata.every((pair) => hasMetadata(info, pair)),
  );
  if (damaged.length > 0)
    shell.note(`The metadata of ${damaged.length} values can’t be decrypted, so they were not searched.`);
  if (found.length === 0) shell.note('No values match.');
  printFound(shell, found);
  return found.length === 0 ? exitCodes.notFound : exitCodes.ok;
}

function printFound(shell: Shell, found: readonly ValueInfo[]): void {
  if (!shell.isTerminal) {
    shell.print(found.map(({ name }) => escapeForLine(name)).join('\n'), found);
    return;
  }
  const rows = found.map(({ name, version, createdAt, metadata }) => [
    name,
    String(version),
    formatTime(createdAt),
    Object.entries(metadata)
      .map(([key, text]) => `${key}=${text}`)
      .join(' '),
  ]);
  const table = formatTableWithHead([['NAME', 'VERSION', 'STORED (UTC)', 'METADATA'], ...rows]);
  shell.print(found.length === 0 ? '' : table, found);
}

function containsText({ name, metadata }: ValueInfo, word: string): boolean {
  const texts = [name, ...Object.entries(metadata).flat()];
  return texts.some((text) => text.toLowerCase().includes(word.toLowerCase()));
}

function hasMetadata({ metadata }: ValueInfo, pair: string): boolean {
  const at = pair.indexOf('=');
  const key = at === -1 ? pair : pair.slice(0, at);
  return Object.hasOwn(metadata, key) && (at === -1 || metadata[key] === pair.slice(at + 1));
}
