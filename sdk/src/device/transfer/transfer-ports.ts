/** What export and import need from the records of a vault. */
import type { DeviceRecord, RecordData, RecordType, RecordVersion } from '../device-types.ts';

export interface RecordName {
  readonly type: RecordType;
  readonly id: string;
}

export interface TransferRecords {
  /** All records that this device knows, queued and deleted ones included, in ascending order of `type:id`. */
  names(): Promise<readonly RecordName[]>;
  get(name: RecordName): Promise<DeviceRecord | 'deleted' | 'unreadable'>;
  /** Newest first. */
  history(name: RecordName): Promise<readonly RecordVersion[]>;
  /** Stores a record under a new random id, marked as imported. @throws DeviceVaultError invalid_record, record_too_large */
  addImported(type: RecordType, data: RecordData): Promise<DeviceRecord>;
}
