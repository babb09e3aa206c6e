/** Plans and applies an import: compares each entry of a file with the vault. */

import { vaultNameProblem } from '../../egress/references/vault-names.ts';
import { type Anima, AnimaError, type Value } from '../../sdk/src/index.ts';
import { usageError } from '../shell/command-error.ts';
import type { FileEntry } from './file-entry.ts';
import { describeMetadataChange, inheritedByPerson, type Metadata } from './value-metadata.ts';
import { maxValueBytes } from './value-names.ts';

/**
 * `expired` if the name has an expired value. `unknown` if the key has no permission to read the value, or it cannot
 * be decrypted.
 */
export type ImportState = 'new' | 'changed' | 'same' | 'expired' | 'unknown';

export interface ImportStep {
  readonly name: string;
  readonly value: string;
  readonly state: ImportState;
  /** The stored value, if it could be read. */
  readonly present: Value | undefined;
  /** The metadata that is stored with the value; undefined for none. */
  readonly metadata: Metadata | undefined;
  /** What the import keeps and drops of the stored metadata, in words. */
  readonly changes: readonly string[];
}

export interface ImportResult {
  readonly name: string;
  readonly state: ImportState | 'failed';
  /** The current version; undefined if unknown. */
  readonly version: number | undefined;
  readonly changes: readonly string[];
  readonly error?: AnimaError;
}

/**
 * Maps entries to their names in the vault. @throws CommandError usage, with the line, for entries that the vault
 * would reject
 */
export function namedEntries(entries: readonly FileEntry[], folder: string): Map<string, string> {
  const named = new Map<string, string>();
  for (const { name: key, value, line } of entries) {
    const name = folder + key;
    const fault = vaultNameProblem(name);
    if (fault !== undefined) throw usageError(`The name in line ${line} is not allowed: ${fault}. Nothing was stored`);
    if (!value.isWellFormed())
      throw usageError(`The value in line ${line} is not well-formed Unicode. Nothing was stored`);
    if (Buffer.byteLength(value, 'utf8') > maxValueBytes) {
      throw usageError(`The value in line ${line} is longer than ${maxValueBytes} bytes. Nothing was stored`);
    }
    named.set(name, value);
  }
  return named;
}

/**
 * Compares entries with the stored values. @throws AnimaError if that fails for a reason other than missing
 * permissions
 */
export async function planImport(client: Anima, named: ReadonlyMap<string, string>): Promise<ImportStep[]> {
  const present = await readStoredValues(client, [...named.keys()]);
  return [...named].map(([name, value]) => {
    const there = present.get(name) ?? 'new';
    if (typeof there === 'string') {
      return { name, value, state: there, present: undefined, metadata: undefined, changes: [] };
    }
    if (there.value === value) {
      return { name, value, state: 'same', present: there, metadata: there.metadata, changes: [] };
    }
    const metadata = inheritedByPerson(there.metadata);
    const changes = describeMetadataChange(there.metadata, metadata);
    return { name, value, state: 'changed', present: there, metadata, changes };
  });
}

/** Reads the stored values; names without a value are absent. */
async function readStoredValues(
  client: Anima,
  names: readonly string[],
): Promise<Map<string, Value | 'expired' | 'unknown'>> {
  if (names.length === 0) return new Map();
  try {
    const present = new Map<string, Value | 'expired' | 'unknown'>();
    for (const item of await client.vault.getMany(names)) {
      if (item.ok) present.set(item.name, item);
      else if (item.error.code === 'forbidden' || item.error.code === 'decryption_failed')
        present.set(item.name, 'unknown');
      else if (item.error.code === 'value_expired') present.set(item.name, 'expired');
      else if (item.error.code !== 'value_not_found') throw item.error;
    }
    return present;
  } catch (error) {
    // A write-only key cannot read any of them.
    if (!(error instanceof AnimaError) || error.code !== 'forbidden') throw error;
    return new Map(names.map((name) => [name, 'unknown']));
  }
}

/**
 * Stores the entries that differ. A value that was read is replaced only if its version is unchanged, and keeps its
 * metadata unless a model chose it.
 * @returns a result for each step, in order
 */
export async function applyImport(client: Anima, steps: readonly ImportStep[]): Promise<ImportResult[]> {
  const writes = steps.filter(({ state }) => state !== 'same');
  const entries = writes.map(({ name, value, state, present, metadata }) => ({
    name,
    value,
    metadata,
    // An expired version counts as none.
    ifVersion: state === 'new' || state === 'expired' ? 0 : present?.version,
  }));
  const told = writes.length === 0 ? [] : await client.vault.setMany(entries);
  const byName = new Map([...told].map((item) => [item.name, item]));
  return steps.map(({ name, state, present, changes }) => {
    const item = byName.get(name);
    if (item === undefined) return { name, state, version: present?.version, changes };
    return item.ok
      ? { name, state, version: item.version, changes }
      : { name, state: 'failed', version: undefined, changes: [], error: item.error };
  });
}
