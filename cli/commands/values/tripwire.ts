/** `anima tripwire`: values that raise an alarm when somebody reads or uses them. */
import type { Command } from 'commander';
import { type FakeCredentialKind, fakeCredentialKinds, makeFakeCredential } from '../../secrets/fake-credentials.ts';
import { assertValueName } from '../../secrets/value-names.ts';
import { usageError } from '../../shell/command-error.ts';
import { collectMetadata } from '../../shell/repeatable-options.ts';
import type { Shell } from '../../shell/shell.ts';
import { line } from '../../shell/terminal-text.ts';

const help = `
Stores a made-up credential that nobody needs. Whoever reads or uses it gets it like any other value. The read is marked in the
audit, and the deployment raises the alarm \`tripwire\` within about five minutes. No command and no response shows that a value
is a tripwire, so note its name yourself. It stays one, also with new values, until it is deleted.

Choose a name that an intruder would try, and that no program reads: a batch or \`anima run --prefix\` over its folder raises the
alarm too.

Examples:
  $ anima tripwire create prod-old/stripe/key --like stripe
  $ anima tripwire create backup/aws/credentials --like aws --metadata note='root account'`;

interface Options {
  readonly like: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly print?: boolean;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const tripwire = program
    .command('tripwire')
    .description('make values that raise an alarm when somebody reads or uses them')
    .addHelpText('after', help);
  tripwire
    .command('create')
    .description('store a made-up credential as a tripwire')
    .argument('<name>', 'a free name')
    .option('--like <kind>', `what it looks like: ${fakeCredentialKinds.join(', ')}`, 'random')
    .option('--metadata <key=text>', 'metadata, as other values have it; repeatable', collectMetadata)
    .option('--print', 'also print it, to be left in a file')
    .action(async (name: string, options: Options, command: Command) => await create(shellOf(command), name, options));
}

async function create(shell: Shell, name: string, { like, metadata = {}, print }: Options): Promise<void> {
  assertValueName(name, 'Nothing was stored');
  const kind = fakeCredentialKinds.find((one): one is FakeCredentialKind => one === like);
  if (kind === undefined)
    throw usageError(`--like requires one of ${fakeCredentialKinds.join(', ')}. Nothing was stored`);
  const value = makeFakeCredential(kind);
  const client = await shell.client();
  const info = await client.vault.set(name, value, { metadata, tripwire: true, ifVersion: 0 });
  const told = line`Stored ${name} as a tripwire. Reading or using it raises an alarm. Note its name: nothing else shows it.`;
  if (print === true && !shell.json) {
    shell.note(told);
    shell.printContent(`${value.trimEnd()}\n`);
  } else shell.print(told, { ...info, ...(print === true ? { value } : {}) });
}
