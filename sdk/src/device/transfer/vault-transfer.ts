/** The records of a vault, for export and import. */
import { recordKey } from '../../../../core/devices/chain-state.ts';
import type { CallOptions } from '../../shared/client-options.ts';
import type { DeviceRecord, RecordType } from '../device-types.ts';
import { DeviceVaultError } from '../device-vault-error.ts';
import { newRecordId, type VaultRecords } from '../records/device-records.ts';
import { checkData } from '../records/record-content.ts';
import type { VaultEngine } from '../vault-engine-types.ts';
import type { RecordName, TransferRecords } from './transfer-ports.ts';

const types: readonly RecordType[] = ['memory', 'provider', 'session', 'todo'];

/** The type with this name; undefined for any other text. */
export const recordTypeOf = (name: unknown): RecordType | undefined => types.find((type) => type === name);

/** @param options of the requests that write imported records */
export const transferOf = (engine: VaultEngine, records: VaultRecords, options: CallOptions = {}): TransferRecords => ({
  names: () => listNames(engine, records),
  get: (name) => readRecord(records, name),
  history: ({ type, id }) => records.of(type).history(id),
  addImported: (type, data) => records.write(type, newRecordId(), checkData(type, data), options, true),
});

async function listNames({ view }: VaultEngine, records: VaultRecords): Promise<readonly RecordName[]> {
  const found = new Map<string, RecordName>();
  for (const { type: name, id } of view.state.records.values()) {
    const type = recordTypeOf(name);
    if (type !== undefined) found.set(recordKey({ type, id }), { type, id });
  }
  // Records that no entry contains yet.
  for (const type of types) {
    for (const { id } of await records.of(type).list()) found.set(recordKey({ type, id }), { type, id });
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, name]) => name);
}

async function readRecord(
  records: VaultRecords,
  { type, id }: RecordName,
): Promise<DeviceRecord | 'deleted' | 'unreadable'> {
  try {
    const record = await records.of(type).get(id);
    if (record !== undefined) return record;
    // Without any version that opens, nothing says that it was deleted.
    return (await records.of(type).history(id)).length > 0 ? 'deleted' : 'unreadable';
  } catch (error) {
    if (error instanceof DeviceVaultError && unreadable.has(error.code)) return 'unreadable';
    throw error;
  }
}

const unreadable: ReadonlySet<string> = new Set(['no_key', 'unreadable_content']);
