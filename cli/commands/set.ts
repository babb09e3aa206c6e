import type { Command } from 'commander';
import { usageError } from '../shell/command-error.ts';
import { parseDuration, parseWhole } from '../shell/durations.ts';
import { readAll, readInput } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';

const help = `
The value comes from a prompt that does not show it, from a pipe, or from a file. One line end at the end of what was typed
or piped is taken off (\`echo\` adds one), unless --keep-newline says otherwise; a file is stored byte for byte. A value is
UTF-8 text of up to 64 KiB. Arguments stand in the shell's history and the list of processes, so a value is taken from one
only with --unsafe-argument.

Examples:
  $ anima set prod/stripe/key
  $ pass show stripe | anima set prod/stripe/key
  $ anima set prod/tls/key --file key.pem --metadata owner=web --expires-in 90d
  $ anima set prod/db --cas 3          only if the value is at version 3; --cas 0: only if there is none`;

interface Options {
  readonly file?: string;
  readonly value?: string;
  readonly unsafeArgument?: boolean;
  readonly keepNewline?: boolean;
  readonly allowEmpty?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly expiresIn?: string;
  readonly cas?: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('set')
    .description('store a value as the next version of its name')
    .argument('<name>', 'a path such as prod/stripe/key')
    .option('--file <path>', 'read the value from a file, byte for byte')
    .option('--value <text>', 'the value as an argument; only with --unsafe-argument')
    .option('--unsafe-argument', 'take the value from an argument, where others can see it')
    .option('--keep-newline', 'keep the line end at the end of what was typed or piped')
    .option('--allow-empty', 'store an empty value')
    .option('--metadata <key=text>', 'a fact about the value, encrypted like it; may be repeated', collect)
    .option('--expires-in <duration>', 'can’t be read after that: 12h, 7d …')
    .option('--cas <version>', 'compare and set: only if the value is at this version, 0 for none')
    .addHelpText('after', help)
    .action(async (name: string, options: Options, command: Command) => await set(shellOf(command), name, options));
}

async function set(shell: Shell, name: string, options: Options): Promise<void> {
  const { metadata, cas, expiresIn } = options;
  // Read first: a mistake in an option should not cost a prompt.
  const settings = {
    metadata,
    ifVersion: cas === undefined ? undefined : parseWhole('--cas', cas),
    expiresIn: expiresIn === undefined ? undefined : parseDuration('--expires-in', expiresIn),
  };
  const client = await shell.client();
  const value = await readValue(shell, options);
  if (value === '' && options.allowEmpty !== true) {
    throw usageError('The value is empty; nothing was stored', 'If it is to be empty, say so with --allow-empty.');
  }
  const info = await client.vault.set(name, value, settings);
  shell.print(`Stored ${info.name}, version ${info.version}.`, info);
}

async function readValue(shell: Shell, { file, value, unsafeArgument, keepNewline }: Options): Promise<string> {
  if (file !== undefined && value !== undefined)
    throw usageError('--file and --value are both given; nothing was stored');
  if (value !== undefined) {
    if (unsafeArgument !== true) {
      throw usageError(
        'A value given as an argument can be seen in the list of processes and in the shell’s history; nothing was stored',
        'Leave --value out to be asked, or pipe it in, or force it with --unsafe-argument. Count this value as seen.',
      );
    }
    shell.note('The value was an argument: others on this machine may have seen it, and the shell’s history has it.');
    return value;
  }
  if (file !== undefined) return decode(await readInput(file, shell.stdin));
  const text = shell.stdin.isTTY ? await shell.secretPrompt('Value') : decode(await readAll(shell.stdin));
  return keepNewline === true ? text : text.replace(/\r?\n$/, '');
}

/** @throws CommandError usage for what is not UTF-8: it would come back as something else */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw usageError(
      'The value is not UTF-8 text; nothing was stored',
      'Encode it first: `base64 FILE | anima set NAME`.',
    );
  }
}

function collect(pair: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = pair.indexOf('=');
  if (at < 1) throw usageError('--metadata takes key=text. Nothing was stored');
  const key = pair.slice(0, at);
  if (Object.hasOwn(before, key)) throw usageError('--metadata names a key twice. Nothing was stored');
  return { ...before, [key]: pair.slice(at + 1) };
}
