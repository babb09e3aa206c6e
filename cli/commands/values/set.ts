import type { Command } from 'commander';
import type { ChosenCustody } from '../../secrets/value-custody.ts';
import { assertValueName } from '../../secrets/value-names.ts';
import { storeByPerson } from '../../secrets/value-writing.ts';
import type { CustodyFlags } from '../../sessions/custody-options.ts';
import { usageError } from '../../shell/command-error.ts';
import { readAll, readInput } from '../../shell/private-files.ts';
import { collectMetadata, collectText } from '../../shell/repeatable-options.ts';
import type { Shell } from '../../shell/shell.ts';
import { line } from '../../shell/terminal-text.ts';
import { parseWriteOptions, type WriteOptions } from './write-options.ts';

const help = `
The value is read from a hidden prompt, a pipe or a file. One trailing line end of typed or piped input is removed
(\`echo\` adds one) unless --keep-newline is given. A file is stored byte for byte. A value is UTF-8 text of up to 64 KiB.
Arguments are visible in the shell's history and the process list, so a value is accepted as an argument only with
--unsafe-argument.

The new version keeps the metadata of the current one, such as allowed_hosts, except the keys given with --metadata. The
command prints each entry that was kept, changed, added or dropped. Metadata that a model chose (generate_secret of
\`anima mcp\`) is never kept. --drop-metadata keeps none. \`anima info\` changes metadata without a new value.

With --custody approval, the value is sealed here to the key of a person (\`anima approvals key\`). The organization's key alone
cannot open it: each use by \`anima mcp --broker\` or POST /v1/fetch needs the answer of a device. Nobody reads it any more. The
API key needs directory.read, to verify the key of the person.

Examples:
  $ anima set prod/stripe/key
  $ pass show stripe | anima set prod/stripe/key
  $ anima set prod/tls/key --file key.pem --metadata owner=web --expires-in 90d
  $ anima set prod/smtp/password --tag mail --note 'rotate with the provider'
  $ anima set prod/pay/key --custody approval --approver PERSON --metadata allowed_hosts=api.pay.example
  $ anima set prod/db --cas 3          only if the current version is 3; 0: only if there is none`;

interface Options extends WriteOptions, CustodyFlags {
  readonly file?: string;
  readonly value?: string;
  readonly unsafeArgument?: boolean;
  readonly keepNewline?: boolean;
  readonly allowEmpty?: boolean;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('set')
    .description('store a value as the next version of its name')
    .argument('<name>', 'a path such as prod/stripe/key')
    .option('--file <path>', 'read the value from a file, byte for byte')
    .option('--value <text>', 'the value as an argument; only with --unsafe-argument')
    .option('--unsafe-argument', 'allow --value, which other users can see')
    .option('--keep-newline', 'keep the trailing line end of typed or piped input')
    .option('--allow-empty', 'store an empty value')
    .option('--metadata <key=text>', 'metadata, encrypted like the value; repeatable', collectMetadata)
    .option('--tag <tag>', 'add a tag; repeatable', collectText)
    .option('--note <text>', 'set the note')
    .option('--drop-metadata', 'keep no metadata of the current version')
    .option('--expires-in <duration>', 'expire the value after this time: 12h, 7d …')
    .option('--custody <kind>', 'approval: a device of --approver opens the value for each use. Default: org')
    .option('--approver <person>', 'with --custody approval: id of the person')
    .option('--pin <pin>', 'with --custody approval: pin of the directory, if this machine has none')
    .option('--cas <version>', 'store only if the current version is this one; 0 for no value')
    .addHelpText('after', help)
    .action(async (name: string, options: Options, command: Command) => await set(shellOf(command), name, options));
}

async function set(shell: Shell, name: string, options: Options): Promise<void> {
  // Parsed before the prompt, so that a wrong option does not waste input.
  const settings = await parseWriteOptions(options);
  assertValueName(name, 'Nothing was stored');
  const custody = await parseGivenCustody(shell, options);
  const client = await shell.client();
  const value = await readValue(shell, options);
  if (value === '' && options.allowEmpty !== true) {
    throw usageError('The value is empty; nothing was stored', 'To store an empty value, use --allow-empty.');
  }
  const { info, changes } = await storeByPerson(client, name, value, { ...settings, custody }).catch(
    async (error: unknown) => {
      const { asCommandError } = await import('../../sessions/session-errors.ts');
      throw asCommandError(error);
    },
  );
  shell.print([line`Stored ${info.name}, version ${info.version}.`, ...changes].join('\n'), { ...info, changes });
}

/** Custody `approval` needs the SDK of sessions, which is loaded only if one of its options is given. */
async function parseGivenCustody(shell: Shell, options: Options): Promise<ChosenCustody> {
  const { custody, approver, pin } = options;
  if (custody === undefined && approver === undefined && pin === undefined) return undefined;
  const { parseCustody } = await import('../../sessions/custody-options.ts');
  return await parseCustody(shell, options);
}

async function readValue(shell: Shell, { file, value, unsafeArgument, keepNewline }: Options): Promise<string> {
  if (file !== undefined && value !== undefined)
    throw usageError('--file and --value are both given; nothing was stored');
  if (value !== undefined) {
    if (unsafeArgument !== true) {
      throw usageError(
        'A value given as an argument is visible in the process list and the shell’s history; nothing was stored',
        'Omit --value to be prompted, pipe the value in, or allow it with --unsafe-argument. Treat this value as exposed.',
      );
    }
    shell.note(
      'The value was given as an argument: it is in the shell’s history, and other users of this machine may have seen it.',
    );
    return value;
  }
  if (file !== undefined) return decode(await readInput(file, shell.stdin));
  const text = shell.stdin.isTTY ? await shell.secretPrompt('Value') : decode(await readAll(shell.stdin));
  return keepNewline === true ? text : text.replace(/\r?\n$/, '');
}

/** @throws CommandError usage if the bytes are not UTF-8, because they would be read back differently */
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
