import { createHmac, randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import {
  InvalidReferenceError,
  isReference,
  parseReference,
  type Reference,
  referenceScheme,
} from '../../../egress/references/secret-references.ts';
import { type Anima, AnimaError, type Value } from '../../../sdk/src/index.ts';
import { describeMetadataChange } from '../../secrets/value-metadata.ts';
import { exitCodes, usageError } from '../../shell/command-error.ts';
import { inParallel } from '../../shell/parallel.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatTable, formatTableWithHead, formatTime } from '../../shell/terminal-output.ts';

const help = `
With one name, lists its stored versions with a hash of each value, and how the metadata changed: versions with the same hash
have the same value. With two names or versions, says whether they have the same value; the exit code is then 0 for the same
value, and 1 for another. Values are never shown. The hash is keyed with a random key of this call, so it cannot be used to guess
a value, or be compared with the hashes of another call. This reads the values, and the audit records it.

Examples:
  $ anima diff prod/db/password
  $ anima diff prod/db/password staging/db/password
  $ anima diff "prod/db/password?version=2" prod/db/password`;

const maxParallelReads = 8;

export function register(
  program: Command,
  shellOf: (command: Command) => Shell,
  setExitCode: (code: number) => void,
): void {
  program
    .command('diff')
    .description('compare versions or values by hash, never showing them')
    .argument('<name>', 'a name, or NAME?version=N')
    .argument('[other]', 'another name or version')
    .addHelpText('after', help)
    .action(async (name: string, other: string | undefined, _options: object, command: Command) => {
      const shell = shellOf(command);
      if (other === undefined) await compareVersions(shell, referenceOf(name));
      else setExitCode(await compareTwo(shell, referenceOf(name), referenceOf(other)));
    });
}

function referenceOf(text: string): Reference {
  try {
    return parseReference(isReference(text) ? text : referenceScheme + text);
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    throw usageError(`The name is not allowed: ${error.message}. Nothing was read`, 'Example: prod/db?version=2');
  }
}

/** Hashes values with a key that no other call has, as 12 hexadecimal digits of HMAC-SHA-256 (RFC 2104). */
function createHasher(): (value: string) => string {
  const key = randomBytes(32);
  return (value) => createHmac('sha256', key).update(value, 'utf8').digest('hex').slice(0, 12);
}

async function compareVersions(shell: Shell, { name, version }: Reference): Promise<void> {
  if (version !== undefined) throw usageError('A version is compared with another: give two. Nothing was read');
  const client = await shell.client();
  const kept = await client.vault.versions(name, { onDamaged: () => {} });
  const hash = createHasher();
  const rows = await inParallel(kept, maxParallelReads, async (info) => {
    const value = await readOrUndefined(client, name, info.version);
    return { ...info, hash: value === undefined ? undefined : hash(value.value) };
  });
  const facts = rows.map((row, i) => {
    const before = rows[i + 1];
    const changes = before === undefined ? [] : describeMetadataChange(before.metadata, row.metadata);
    return { ...row, changes: changes.filter((change) => !change.startsWith('kept ')) };
  });
  const lines = facts.map(({ version: number, createdAt, hash: digest, changes }) => [
    String(number),
    formatTime(createdAt),
    digest ?? 'expired',
    changes.join('; '),
  ]);
  if (!shell.isTerminal) return shell.print(formatTable(lines), facts);
  shell.print(formatTableWithHead([['VERSION', 'STORED (UTC)', 'HASH', 'METADATA'], ...lines]), facts);
}

/** A version that expired, or was deleted in the meantime, has no hash. */
async function readOrUndefined(client: Anima, name: string, version: number): Promise<Value | undefined> {
  try {
    return await client.vault.getWithInfo(name, { version });
  } catch (error) {
    if (error instanceof AnimaError && ['value_expired', 'version_not_found'].includes(error.code)) return undefined;
    throw error;
  }
}

async function compareTwo(shell: Shell, left: Reference, right: Reference): Promise<number> {
  const client = await shell.client();
  const read = async ({ name, version }: Reference) => await client.vault.getWithInfo(name, { version });
  const [one, two] = await Promise.all([read(left), read(right)]);
  const same = one.value === two.value;
  const metadata = describeMetadataChange(one.metadata, two.metadata).filter((change) => !change.startsWith('kept '));
  const text = [
    same ? 'The values are the same.' : 'The values differ.',
    ...metadata.map((change) => `metadata: ${change}`),
  ];
  shell.print(text.join('\n'), { same, metadata });
  return same ? exitCodes.ok : exitCodes.failed;
}
