import type { Command } from 'commander';
import type { ApiKeyInfo, Role, Verb } from '../../../sdk/src/index.ts';
import { usageError } from '../../shell/command-error.ts';
import { parseDuration } from '../../shell/durations.ts';
import { collectText } from '../../shell/repeatable-options.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatFacts, formatTable, formatTableWithHead, formatTime } from '../../shell/terminal-output.ts';
import { escapeForLine, line } from '../../shell/terminal-text.ts';

const help = `
A new key is shown only once. Standard output contains only the key, so KEY=$(anima keys create …) works; everything else
is printed on standard error. A key cannot create a key with more permissions than its own.

Examples:
  $ anima keys create --role reader --prefix prod/stripe/ --expires-in 30d --name checkout
  $ anima keys create --role agent | ssh build 'anima login --profile ci'
  $ anima keys list
  $ anima keys rotate 0123456789abcdef --overlap 1h
  $ anima keys revoke 0123456789abcdef`;

interface CreateOptions {
  readonly role: string;
  readonly name?: string;
  readonly prefix?: readonly string[];
  readonly verb?: readonly string[];
  readonly expiresIn?: string;
}

interface ListOptions {
  readonly logins?: boolean;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const keys = program
    .command('keys')
    .description('create, list, rotate and revoke API keys')
    .addHelpText('after', help);
  keys
    .command('create')
    .description('create a key; it is shown only once')
    .requiredOption('--role <role>', 'role of the key: admin, agent, reader or auditor')
    .option('--name <text>', 'label for the key, such as its purpose')
    .option(
      '--prefix <path>',
      'limit the key to these names; a folder ends in a slash; repeatable. Required for names under channels/, except for admins',
      collectText,
    )
    .option('--verb <verb>', 'limit the key to these verbs of its role, such as values.read; repeatable', collectText)
    .option('--expires-in <duration>', 'expire the key after this time: 12h, 30d …')
    .action(async (options: CreateOptions, command: Command) => await create(shellOf(command), options));
  keys
    .command('list')
    .description('list keys without their secrets, including revoked keys')
    .option('--logins', 'also list the short-lived keys that logins gave')
    .action(async (options: ListOptions, command: Command) => await list(shellOf(command), options));
  keys
    .command('rotate')
    .description('replace a key with a new one that has the same permissions; it is shown only once')
    .argument('<id>', 'id of the key, not the key itself')
    .option('--overlap <duration>', 'time that the old key keeps working (default: 1d; at most 7d)')
    .action(async (id: string, { overlap }: { overlap?: string }, command: Command) => {
      await rotate(shellOf(command), id, overlap);
    });
  keys
    .command('revoke')
    .description('revoke a key, effective from the next request')
    .argument('<id>', 'id of the key, not the key itself')
    .option('--yes', 'skip the confirmation')
    .action(async (id: string, { yes }: { yes?: boolean }, command: Command) => {
      await revoke(shellOf(command), id, yes === true);
    });
}

async function create(shell: Shell, { role, name, prefix, verb, expiresIn }: CreateOptions): Promise<void> {
  const client = await shell.client();
  const seconds = expiresIn === undefined ? undefined : parseDuration('--expires-in', expiresIn);
  const rights = { role: role as Role, verbs: verb as Verb[] | undefined, prefixes: prefix };
  // The vault validates role and verbs; it may support more than this version knows.
  const { key, ...made } = await client.keys.create({ ...rights, name, expiresIn: seconds });
  if (!shell.json) shell.note(`${describeKey(made)}\nThe key is shown only once:`);
  shell.print(escapeForLine(key), { ...made, key });
}

async function list(shell: Shell, options: ListOptions): Promise<void> {
  const client = await shell.client();
  const keys: ApiKeyInfo[] = [];
  const damaged: string[] = [];
  for await (const page of client.keys.list({ pageSize: 1000 }).pages()) {
    keys.push(...(options.logins ? page.keys : page.keys.filter(({ origin }) => origin === undefined)));
    damaged.push(...(page.damaged ?? []));
  }
  if (damaged.length > 0) {
    shell.note(
      `Refused, because the vault did not write their records or somebody altered them: ${damaged.join(', ')}\n` +
        'Find out who can write the table of API keys. `anima keys revoke` ends such a key for good.',
    );
  }
  const rows = keys.map((key) => [
    key.id,
    key.role,
    describeKeyState(key),
    key.lastUsedAt === undefined ? 'never' : formatTime(key.lastUsedAt),
    describeNameScope(key),
    key.origin === undefined ? (key.name ?? '') : `login ${key.origin.login}, ${key.origin.subject}`,
  ]);
  if (!shell.isTerminal) return shell.print(formatTable(rows), keys);
  shell.print(formatTableWithHead([['ID', 'ROLE', 'STATE', 'LAST USED (UTC)', 'NAMES', 'FOR'], ...rows]), keys);
}

async function rotate(shell: Shell, id: string, overlap: string | undefined): Promise<void> {
  const client = await shell.client();
  const overlapSeconds = overlap === undefined ? undefined : parseDuration('--overlap', overlap);
  const { replacement, replaced } = await client.keys.rotate(checkId(id), { overlapSeconds });
  const { key, ...made } = replacement;
  if (!shell.json) {
    shell.note(
      [
        describeKey(made),
        line`The old key ${replaced.id} works until ${replaced.expiresAt ?? 'it is revoked'}.`,
        'The new key is shown only once:',
      ].join('\n'),
    );
  }
  shell.print(escapeForLine(key), { replacement, replaced });
}

async function revoke(shell: Shell, id: string, yes: boolean): Promise<void> {
  const client = await shell.client();
  checkId(id);
  if (!yes && shell.stdin.isTTY) {
    await shell.confirm('This permanently revokes the key, from the next request on. Type its id to continue:', id);
  }
  const revoked = await client.keys.revoke(id);
  shell.print(line`Revoked the key ${revoked.id}.`, revoked);
}

/** Checked before it is sent or printed, because people may paste the key instead of its id. */
function checkId(id: string): string {
  if (/^[0-9a-z]{16}$/.test(id)) return id;
  throw usageError(
    'That is not a key id, which has 16 characters; nothing was sent',
    '`anima keys list` shows the ids.',
  );
}

/**
 * The names that a key may access. Channel secrets are for admins only, unless a prefix includes them
 * (docs/channels.md, "Setting up").
 */
const describeNameScope = ({ role, prefixes }: Pick<ApiKeyInfo, 'role' | 'prefixes'>): string =>
  prefixes?.join(',') ?? (role === 'agent' || role === 'reader' ? 'all but channels/' : 'all');

const describeKey = ({ id, role, prefixes, verbs, expiresAt }: ApiKeyInfo): string =>
  formatFacts([
    ['id', id],
    ['role', role],
    ['names', describeNameScope({ role, prefixes })],
    ['verbs', verbs?.join(', ')],
    ['expires', expiresAt ?? 'never'],
  ]);

function describeKeyState({ revokedAt, expiresAt }: ApiKeyInfo): string {
  if (revokedAt !== undefined) return 'revoked';
  if (expiresAt === undefined) return 'active';
  return Date.parse(expiresAt) <= Date.now() ? 'expired' : `until ${formatTime(expiresAt)}`;
}
