/** Requests of every kind of caller, for each table. They return what these callers can do. */
import { addMembers } from './facts.ts';
import { probeBlobs } from './probe-blobs.ts';
import type { Probe } from './probe-context.ts';
import { probeDeviceLogs, probeDeviceRosters } from './probe-devices.ts';
import { probeApiKeys, probeKeyrings, probeRotations } from './probe-keys.ts';
import { probeDeliveries, probeUserKeyrings, probeUserRecords } from './probe-users.ts';
import { probeValues } from './probe-values.ts';
import type { TableId } from './tables.ts';

const probeAudit: Probe = async ({ world, asker }, facts) => {
  const { mine, auditFrom, auditTo } = world;
  const path = `/v1/audit?from=${auditFrom}&to=${auditTo}&limit=100`;
  const { records = [] } = (await asker.ask('GET', path, { key: mine.watcher, isList: true })) ?? {};
  for (const { id, ...rest } of records)
    addMembers(facts, id, 'until it is sealed, the audit shows what the writer chose', rest);
};

export const probes: Readonly<Record<TableId, Probe>> = {
  ValuesTable: probeValues,
  ApiKeysTable: probeApiKeys,
  KeyringsTable: probeKeyrings,
  RotationsTable: probeRotations,
  BlobRecordsTable: probeBlobs,
  UserCustodyKeyringsTable: probeUserKeyrings,
  UserCustodyRecordsTable: probeUserRecords,
  UserCustodyDeliveriesTable: probeDeliveries,
  DeviceCustodyRostersTable: probeDeviceRosters,
  DeviceCustodyLogsTable: probeDeviceLogs,
  AuditTable: probeAudit,
};
