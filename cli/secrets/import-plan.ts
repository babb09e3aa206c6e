/** Plans and applies an import: compares each entry of a file with the vault. */
import { type Anima, AnimaError, type Value } from '../../sdk/src/index.ts';
import { usageError } from '../shell/command-error.ts';
import type { FileEntry } from './file-entry.ts';
import { maxValueBytes, vaultNameProblem } from './value-names.ts';

/** `unknown` if the key has no permission to read the value, or it cannot be decrypted. */
export type ImportState = 'new' | 'changed' | 'same' | 'unknown';

export interface ImportStep {
  readonly name: string;
  readonly value: string;
  readonly state: ImportState;
  /** The stored value, if it could be read. */
  readonly present: Value | undefined;
}

export interface ImportResult {
  readonly name: string;
  readonly state: ImportState | 'failed';
  /** The current version; undefined if unknown. */
  readonly version: number | undefined;
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
    const there = present.get(name);
    if (there === undefined || there === 'unknown') return { name, value, state: there ?? 'new', present: undefined };
    return { name, value, state: there.value === value ? 'same' : 'changed', present: there };
  });
}

/** Reads the stored values; names without a value are absent. */
async function readStoredValues(client: Anima, names: readonly string[]): Promise<Map<string, Value | 'unknown'>> {
  if (names.length === 0) return new Map();
  try {
    const present = new Map<string, Value | 'unknown'>();
    for (const item of await client.vault.getMany(names)) {
      if (item.ok) present.set(item.name, item);
      else if (item.error.code === 'forbidden' || item.error.code === 'decryption_failed')
        present.set(item.name, 'unknown');
      else if (item.error.code !== 'value_not_found' && item.error.code !== 'value_expired') throw item.error;
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
 * metadata.
 * @returns a result for each step, in order
 */
export async function applyImport(client: Anima, steps: readonly ImportStep[]): Promise<ImportResult[]> {
  const writes = steps.filter(({ state }) => state !== 'same');
  const entries = writes.map(({ name, value, state, present }) => ({
    name,
    value,
    metadata: present?.metadata,
    ifVersion: state === 'new' ? 0 : present?.version,
  }));
  const told = writes.length === 0 ? [] : await client.vault.setMany(entries);
  const byName = new Map([...told].map((item) => [item.name, item]));
  return steps.map(({ name, state, present }) => {
    const item = byName.get(name);
    if (item === undefined) return { name, state, version: present?.version };
    return item.ok
      ? { name, state, version: item.version }
      : { name, state: 'failed', version: undefined, error: item.error };
  });
}
