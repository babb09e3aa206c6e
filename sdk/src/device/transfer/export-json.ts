/** The plain export: all records and versions as JSON, not encrypted (docs/format-devices.md, section 2). */
import { toHex } from '../../../../core/encoding/bytes.ts';
import type { VaultEngine } from '../vault-engine-types.ts';
import type { RecordName, TransferRecords } from './transfer-ports.ts';

const notice = 'This file is not encrypted. Anyone who has it can read all records.';

/** Returns the text of the file. Deleted records and earlier versions are included as far as they open. */
export async function exportJson(engine: VaultEngine, records: TransferRecords, now = new Date()): Promise<string> {
  const { scope, view } = engine;
  const { head } = view.state;
  const exported: object[] = [];
  for (const name of await records.names()) exported.push(await exportRecord(records, name));
  const file = {
    format: 'anima-device-export',
    version: 1,
    notice,
    createdAt: now.toISOString(),
    org: scope.org,
    user: scope.user,
    vault: scope.vault,
    head: { seq: head.seq, hash: toHex(head.hash) },
    records: exported,
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

async function exportRecord(records: TransferRecords, name: RecordName): Promise<object> {
  const record = await records.get(name);
  const versions = await records.history(name);
  const isThere = typeof record === 'object';
  return {
    ...name,
    isDeleted: record === 'deleted',
    isImported: isThere && record.isImported,
    ...(isThere && { data: record.data }),
    versions: versions.map(({ version, seq, time, device, isDeleted, data }) => ({
      version,
      seq,
      ...(time === undefined ? {} : { time }),
      device,
      isDeleted,
      ...(data === undefined ? {} : { data }),
    })),
  };
}
