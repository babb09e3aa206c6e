import type { Command } from 'commander';
import {
  type CharacterSet,
  characterSetNames,
  type GeneratedSecret,
  generatePassphrase,
  generatePassword,
  recommendedBits,
} from '../../secrets/password-generator.ts';
import { assertValueName } from '../../secrets/value-names.ts';
import { storeByPerson } from '../../secrets/value-writing.ts';
import { usageError } from '../../shell/command-error.ts';
import { parseWhole } from '../../shell/durations.ts';
import { collectMetadata, collectText } from '../../shell/repeatable-options.ts';
import type { Shell } from '../../shell/shell.ts';
import { line } from '../../shell/terminal-text.ts';
import { parseWriteOptions, type WriteOptions } from './write-options.ts';

const help = `
With a name, stores the result as its next version without showing it; --print shows it too. Without a name, prints it. The
characters or words are drawn independently with the random generator of the operating system; of several sets, at least one
character of each is present. Words come from the English list of BIP 39 (2048 words, 11 bits each). Like \`anima set\`, it keeps
the metadata of the current version.

Examples:
  $ anima generate prod/db/password
  $ anima generate prod/db/password --length 24 --sets lower,upper,digits
  $ anima generate --words 6
  $ anima generate app/session-key --length 64 --sets hex --expires-in 90d`;

interface Options extends Omit<WriteOptions, 'dropMetadata'> {
  readonly length?: string;
  readonly sets?: string;
  readonly unambiguous?: boolean;
  readonly words?: string;
  readonly separator?: string;
  readonly print?: boolean;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('generate')
    .description('generate a random password or passphrase, and store or print it')
    .argument('[name]', 'store it under this name')
    .option('--length <number>', 'number of characters (default: 32)')
    .option('--sets <sets>', `character sets: ${characterSetNames.join(', ')} (default: lower,upper,digits,symbols)`)
    .option('--unambiguous', 'omit characters that look alike, such as 0 and O')
    .option('--words <number>', 'a passphrase of this many words instead')
    .option('--separator <text>', 'text between words (default: -)')
    .option('--print', 'also print a result that is stored')
    .option('--metadata <key=text>', 'metadata, encrypted like the value; repeatable', collectMetadata)
    .option('--tag <tag>', 'add a tag; repeatable', collectText)
    .option('--note <text>', 'set the note')
    .option('--expires-in <duration>', 'expire the value after this time: 12h, 7d …')
    .option('--cas <version>', 'store only if the current version is this one; 0 for no value')
    .addHelpText('after', help)
    .action(async (name: string | undefined, options: Options, command: Command) => {
      await generate(shellOf(command), name, options);
    });
}

async function generate(shell: Shell, name: string | undefined, options: Options): Promise<void> {
  const { metadata, tag, note, expiresIn, cas, print } = options;
  if (name === undefined) {
    if ([metadata, tag, note, expiresIn, cas, print].some((option) => option !== undefined))
      throw usageError(
        'Without a name nothing is stored, so options for storing are not allowed. Nothing was generated',
      );
    const { text, bits } = await draw(shell, options);
    if (shell.json) shell.print('', { value: text, bits });
    else shell.printContent(`${text}\n`);
    return;
  }
  assertValueName(name, 'Nothing was generated');
  const settings = await parseWriteOptions(options);
  const client = await shell.client();
  const { text, bits } = await draw(shell, options);
  const { info, changes } = await storeByPerson(client, name, text, settings);
  const what = options.words === undefined ? `${text.length} characters` : `${options.words} words`;
  const told = [line`Stored ${info.name}, version ${info.version}: ${what}, ${bits} random bits.`, ...changes].join(
    '\n',
  );
  if (print === true && !shell.json) {
    shell.note(told);
    shell.printContent(`${text}\n`);
  } else shell.print(told, { ...info, bits, changes, ...(print === true ? { value: text } : {}) });
}

async function draw(shell: Shell, options: Options): Promise<GeneratedSecret> {
  const { words, separator, length, sets, unambiguous } = options;
  if (words === undefined && separator !== undefined)
    throw usageError('--separator requires --words. Nothing was generated');
  if (words !== undefined && [length, sets, unambiguous].some((option) => option !== undefined))
    throw usageError('--words excludes --length, --sets and --unambiguous. Nothing was generated');
  const secret =
    words === undefined
      ? generatePassword({
          length: parseWhole('--length', length ?? '32', 1),
          sets: parseSets(sets ?? 'lower,upper,digits,symbols'),
          unambiguous: unambiguous === true,
        })
      : await generatePassphrase(parseWhole('--words', words, 1), separator ?? '-');
  if (secret.bits < recommendedBits)
    shell.note(`It has only ${secret.bits} random bits; ${recommendedBits} or more resist guessing.`);
  return secret;
}

function parseSets(list: string): CharacterSet[] {
  const names = list.split(',').map((name) => name.trim());
  const sets = names.flatMap((name) => characterSetNames.filter((one) => one === name));
  const isValid = sets.length === names.length && new Set(sets).size === sets.length;
  if (!isValid || (sets.includes('hex') && sets.length > 1))
    throw usageError(
      `--sets requires different names of ${characterSetNames.join(', ')}, separated by commas; hex only alone. Nothing was generated`,
    );
  return sets;
}
