import type { Command } from 'commander';
import type { ApiKeyInfo, Role, Verb } from '../../sdk/src/index.ts';
import { usageError } from '../shell/command-error.ts';
import { parseDuration } from '../shell/durations.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts, formatTable, formatTime } from '../shell/terminal-output.ts';

const help = `
A new key is printed once, by itself, so that KEY=$(anima keys create …) holds it; everything else is said on standard
error. No key can make a stronger one than itself.

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

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const keys = program.command('keys').description('make, list, rotate and revoke API keys').addHelpText('after', help);
  keys
    .command('create')
    .description('make a key; it is shown this once')
    .requiredOption('--role <role>', 'what it may do at most: admin, agent, reader or auditor')
    .option('--name <text>', 'for people: what it is for')
    .option(
      '--prefix <path>',
      'only these names: a folder ends in a slash; may be repeated. Names under channels/ need it, but for admins',
      collect,
    )
    .option('--verb <verb>', 'only these verbs of the role, such as values.read; may be repeated', collect)
    .option('--expires-in <duration>', 'it ends after that: 12h, 30d …')
    .action(async (options: CreateOptions, command: Command) => await create(shellOf(command), options));
  keys
    .command('list')
    .description('keys without their secrets, revoked ones included')
    .action(async (_options: object, command: Command) => await list(shellOf(command)));
  keys
    .command('rotate')
    .description('replace a key by a new one of the same rights; the new one is shown this once')
    .argument('<id>', 'id of the key, not the key itself')
    .option('--overlap <duration>', 'for so long the old key works on (default: 1d; at most 7d)')
    .action(async (id: string, { overlap }: { overlap?: string }, command: Command) => {
      await rotate(shellOf(command), id, overlap);
    });
  keys
    .command('revoke')
    .description('end a key, from the next request on')
    .argument('<id>', 'id of the key, not the key itself')
    .option('--yes', 'do not ask')
    .action(async (id: string, { yes }: { yes?: boolean }, command: Command) => {
      await revoke(shellOf(command), id, yes === true);
    });
}

async function create(shell: Shell, { role, name, prefix, verb, expiresIn }: CreateOptions): Promise<void> {
  const client = await shell.client();
  const seconds = expiresIn === undefined ? undefined : parseDuration('--expires-in', expiresIn);
  const rights = { role: role as Role, verbs: verb as Verb[] | undefined, prefixes: prefix };
  // Role and verbs are checked by the vault, which may know more of them than this version.
  const { key, ...made } = await client.keys.create({ ...rights, name, expiresIn: seconds });
  if (!shell.json) shell.note(`${describeKey(made)}\nThe key is shown this once:`);
  shell.print(key, { ...made, key });
}

async function list(shell: Shell): Promise<void> {
  const client = await shell.client();
  const keys = await client.keys.list({ pageSize: 1000 }).toArray();
  const rows = keys.map((key) => [
    key.id,
    key.role,
    describeKeyState(key),
    key.lastUsedAt === undefined ? 'never' : formatTime(key.lastUsedAt),
    describeNameScope(key),
    key.name ?? '',
  ]);
  if (!shell.stdout.isTTY) return shell.print(formatTable(rows), keys);
  const [head = '', ...lines] = formatTable([
    ['ID', 'ROLE', 'STATE', 'LAST USED (UTC)', 'NAMES', 'FOR'],
    ...rows,
  ]).split('\n');
  shell.print([shell.paint('dim', head), ...lines].join('\n'), keys);
}

async function rotate(shell: Shell, id: string, overlap: string | undefined): Promise<void> {
  const client = await shell.client();
  const overlapSeconds = overlap === undefined ? undefined : parseDuration('--overlap', overlap);
  const { replacement, replaced } = await client.keys.rotate(checkId(id), { overlapSeconds });
  const { key, ...made } = replacement;
  if (!shell.json) {
    shell.note(
      `${describeKey(made)}\nThe old key ${replaced.id} works until ${replaced.expiresAt ?? 'it is revoked'}.\nThe new key is shown this once:`,
    );
  }
  shell.print(key, { replacement, replaced });
}

async function revoke(shell: Shell, id: string, yes: boolean): Promise<void> {
  const client = await shell.client();
  checkId(id);
  if (!yes && shell.stdin.isTTY) {
    await shell.confirm('From the next request on this key is refused, for good. Type its id to go on:', id);
  }
  const revoked = await client.keys.revoke(id);
  shell.print(`Revoked the key ${revoked.id}.`, revoked);
}

/** Before it is sent or repeated anywhere: people paste the key where its id belongs. */
function checkId(id: string): string {
  if (/^[0-9a-z]{16}$/.test(id)) return id;
  throw usageError(
    'That is no id of a key, which has 16 characters; nothing was sent',
    '`anima keys list` shows the ids.',
  );
}

/** What a key reaches: the secrets of channels are for admins, unless a prefix names them (docs/channels.md, "Setting up"). */
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

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
