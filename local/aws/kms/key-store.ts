/** The keys of the KMS emulator, in memory or on disk with one file per key and one file for the aliases. */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { openRecordFolder, readFileIfExists, writeFileAtomically } from '../shared/durable-files.ts';
import { LocalError } from '../shared/errors.ts';
import { type KeySpec, keySpecs } from '../shared/kms-key-specs.ts';

const keyRecordSchema = z.object({
  format: z.literal(1),
  keyId: z.uuid(),
  /** Logical ID in the template; `null` for a key created through the API. */
  resource: z.string().nullable(),
  description: z.string(),
  /** Absent in files from versions that supported only one key spec. */
  keySpec: z.enum(keySpecs).default('SYMMETRIC_DEFAULT'),
  createdAt: z.iso.datetime(),
  state: z.enum(['Enabled', 'Disabled', 'PendingDeletion', 'Deleted']),
  deletionDate: z.iso.datetime().nullable(),
  rotationPeriodInDays: z.number().int().nullable(),
  /**
   * Version n is item n - 1: 32 bytes, or the private key in PKCS #8. Empty after deletion. The record is kept, so that
   * no new key is created automatically for the logical ID.
   */
  backingKeys: z.array(z.object({ material: z.base64(), createdAt: z.iso.datetime() })),
});

/** A key with its key material. Records are replaced, never modified. */
export type KeyRecord = Readonly<z.infer<typeof keyRecordSchema>>;

export interface NewKey {
  readonly resource: string | null;
  readonly description: string;
  readonly keySpec: KeySpec;
  readonly rotationPeriodInDays: number | null;
}

const aliasesFile = 'aliases.json';

export class KmsKeyStore {
  readonly #folder: string | null;
  readonly #keys = new Map<string, KeyRecord>();
  #aliases: ReadonlyMap<string, string> = new Map();

  /** @param folder null keeps the keys in memory */
  constructor(folder: string | null) {
    this.#folder = folder;
    if (folder === null) return;
    openRecordFolder(folder);
    for (const name of readdirSync(folder)) {
      if (name === aliasesFile || !name.endsWith('.json')) continue;
      const record = readKeyFile(keyRecordSchema, join(folder, name), '');
      this.#keys.set(record.keyId, record);
    }
    this.#aliases = new Map(
      Object.entries(readKeyFile(z.record(z.string(), z.string()), join(folder, aliasesFile), '{}')),
    );
  }

  get(keyId: string): KeyRecord | undefined {
    return this.#keys.get(keyId);
  }

  all(): KeyRecord[] {
    return [...this.#keys.values()];
  }

  /** Stores a record durably before it becomes visible. */
  put(record: KeyRecord): void {
    if (this.#folder !== null) {
      writeFileAtomically(join(this.#folder, `${record.keyId}.json`), JSON.stringify(record));
    }
    this.#keys.set(record.keyId, record);
  }

  create(key: NewKey, now: Date): KeyRecord {
    const record: KeyRecord = {
      format: 1,
      keyId: randomUUID(),
      ...key,
      createdAt: now.toISOString(),
      state: 'Enabled',
      deletionDate: null,
      backingKeys: [newBackingKey(now, key.keySpec)],
    };
    this.put(record);
    return record;
  }

  /** Returns the key of a template resource. The first call creates it. */
  getOrCreate(resource: string, now: Date, keySpec: KeySpec = 'SYMMETRIC_DEFAULT'): KeyRecord {
    const existing = this.all().find((record) => record.resource === resource);
    return existing ?? this.create({ resource, description: '', keySpec, rotationPeriodInDays: null }, now);
  }

  /** Key IDs by alias name (`alias/…`). */
  get aliases(): ReadonlyMap<string, string> {
    return this.#aliases;
  }

  putAlias(name: string, keyId: string): void {
    const aliases = new Map(this.#aliases).set(name, keyId);
    if (this.#folder !== null) {
      writeFileAtomically(join(this.#folder, aliasesFile), JSON.stringify(Object.fromEntries(aliases)));
    }
    this.#aliases = aliases;
  }
}

// An unreadable key must not be skipped: a new key would replace it, and all data encrypted with the old key would be
// lost.
function readKeyFile<T>(schema: z.ZodType<T>, path: string, absent: string): T {
  try {
    return schema.parse(JSON.parse(readFileIfExists(path) ?? absent));
  } catch {
    throw new LocalError(
      `The key file ${path} is damaged. Nothing was started or changed. Restore the file from a copy of the data folder. ` +
        `Without it, data encrypted with this key cannot be decrypted.`,
    );
  }
}

export const newBackingKey = (now: Date, keySpec: KeySpec) => ({
  material: newMaterial(keySpec).toString('base64'),
  createdAt: now.toISOString(),
});

function newMaterial(keySpec: KeySpec): Buffer {
  if (keySpec !== 'ECC_NIST_P256') return randomBytes(32);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'der', type: 'pkcs8' });
}
