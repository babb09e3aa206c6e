/** Copies the current version of values to other names, with metadata and expiry. */
import { type Anima, AnimaError, type Value } from '../../sdk/src/index.ts';
import { CommandError, exitCodes, toFailure, usageError } from '../shell/command-error.ts';
import { readCurrentVersion } from './value-metadata.ts';
import { assertValueName, normalizeFolder } from './value-names.ts';

export interface CopiedValue {
  readonly from: string;
  readonly to: string;
  /** The version that was copied. */
  readonly fromVersion: number;
  /** The version that was stored. */
  readonly toVersion: number;
}

export interface CopyOptions {
  /** Stores a new version of names that already have a value. */
  readonly force: boolean;
}

/** Names to copy, by source: one value, or with a trailing slash all values of a folder. @throws CommandError */
export async function planCopies(client: Anima, from: string, to: string): Promise<ReadonlyMap<string, string>> {
  if (!from.endsWith('/')) {
    assertValueName(from, 'Nothing was stored');
    const target = to.endsWith('/') ? to + from.slice(from.lastIndexOf('/') + 1) : to;
    assertValueName(target, 'Nothing was stored');
    if (target === from) throw usageError('Both names are the same. Nothing was stored');
    return new Map([[from, target]]);
  }
  const [source, target] = [normalizeFolder(from), normalizeFolder(to)];
  if (!to.endsWith('/'))
    throw usageError('A folder can be copied only to a folder: end both with a slash. Nothing was stored');
  if (target.startsWith(source) || source.startsWith(target))
    throw usageError('One folder is within the other. Nothing was stored');
  const infos = await client.vault.list({ prefix: source, pageSize: 1000 }).toArray();
  if (infos.length === 0) throw notFound(`There are no values below ${source}`);
  const pairs = infos.map(({ name }) => [name, target + name.slice(source.length)] as const);
  for (const [, name] of pairs) assertValueName(name, 'Nothing was stored');
  return new Map(pairs);
}

/**
 * Stores the copies. Without `force`, nothing is stored if any target has a value.
 * @throws CommandError; AnimaError if a value cannot be read
 */
export async function copyValues(
  client: Anima,
  pairs: ReadonlyMap<string, string>,
  { force }: CopyOptions,
): Promise<CopiedValue[]> {
  const values = (await client.vault.getMany(pairs.keys())).orThrow();
  const targets = await targetVersions(client, [...pairs.values()]);
  const taken = [...targets].filter(([, version]) => version !== 0).map(([name]) => name);
  if (!force && taken.length > 0) {
    throw new CommandError(`There is already a value of this name: ${taken.join(', ')}. Nothing was stored`, {
      exit: exitCodes.conflict,
      next: '--force stores it as a new version of that name.',
    });
  }
  const result = await client.vault.setMany(values.map((value) => copyOf(value, pairs, targets)));
  const stored = [...result];
  const failed = stored.flatMap((item) => (item.ok ? [] : [`${item.name}: ${toFailure(item.error).message}`]));
  if (failed.length > 0) {
    const [first] = stored.flatMap((item) => (item.ok ? [] : [toFailure(item.error)]));
    throw new CommandError(`${failed.length} of ${stored.length} values were not stored. ${failed.join('; ')}`, {
      exit: first?.exit ?? exitCodes.failed,
      next: 'Values that were stored can be copied again with --force.',
    });
  }
  const versions = new Map(stored.flatMap((item) => (item.ok ? [[item.name, item.version] as const] : [])));
  return values.map(({ name, version }) => {
    const to = pairs.get(name) ?? name;
    return { from: name, to, fromVersion: version, toVersion: versions.get(to) ?? 0 };
  });
}

function copyOf(
  { name, value, metadata, expiresAt }: Value,
  pairs: ReadonlyMap<string, string>,
  targets: ReadonlyMap<string, number | undefined>,
) {
  const to = pairs.get(name) ?? name;
  return { name: to, value, metadata, expiresAt, ifVersion: targets.get(to) };
}

/** The current version of each name: 0 for none; undefined if it cannot be determined. */
async function targetVersions(client: Anima, names: readonly string[]): Promise<Map<string, number | undefined>> {
  const found = new Map<string, number | undefined>();
  for (const name of names) {
    const current = await readCurrentVersion(client, name);
    if (current.state === 'present') found.set(name, current.info.version);
    else found.set(name, current.state === 'none' || current.state === 'expired' ? 0 : undefined);
  }
  return found;
}

/** Deletes the sources of copies whose version is still the one that was copied. @returns names that were not deleted */
export async function deleteSources(client: Anima, copies: readonly CopiedValue[]): Promise<Map<string, AnimaError>> {
  const left = new Map<string, AnimaError>();
  for (const { from, fromVersion } of copies) {
    try {
      await client.vault.delete(from, { ifVersion: fromVersion });
    } catch (error) {
      if (!(error instanceof AnimaError)) throw error;
      left.set(from, error);
    }
  }
  return left;
}

const notFound = (what: string): CommandError =>
  new CommandError(`${what}. Nothing was stored`, {
    exit: exitCodes.notFound,
    next: '`anima list` shows the existing names.',
  });
