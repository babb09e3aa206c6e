export type { CallOptions } from '../shared/client-options.ts';
export { AnimaError, type AnimaErrorCode } from '../shared/errors.ts';
export type { DeviceErrorCode, DeviceErrorReason } from './device-errors.ts';
export type {
  ApproveByCodeOptions,
  ApproveOptions,
  CodeComparison,
  ConfirmCode,
  ConfirmVaultOptions,
  DeviceInfo,
  DeviceRecord,
  DeviceRecords,
  DeviceRole,
  DeviceVaultInfo,
  DeviceVaultsOptions,
  DisplayedQr,
  JoinByQrOptions,
  JoinOptions,
  PendingPairing,
  PruneOptions,
  PruneResult,
  RecordChange,
  RecordConflict,
  RecordData,
  RecordType,
  RecordVersion,
  RecoverOptions,
  RecoveryCode,
  ShowApproveQrOptions,
  ShowJoinQrOptions,
  SyncNotice,
  SyncOptions,
  SyncProgress,
  SyncResult,
  VaultScope,
} from './device-types.ts';
export type { DeviceVault, HeadCode } from './device-vault.ts';
export { DeviceVaultError } from './device-vault-error.ts';
export {
  type CreateVaultOptions,
  type DeletedVault,
  DeviceVaults,
  type RecoveredDeviceVault,
} from './device-vaults.ts';
export { indexedDbStorage } from './storage/indexeddb-storage.ts';
export { memoryStorage } from './storage/memory-storage.ts';
export type {
  DataBatch,
  DataStore,
  DeviceStorage,
  KeyStore,
  LocalStorage,
  StoredKeys,
  VaultData,
} from './storage/storage-ports.ts';
export type { Argon2id } from './transfer/argon2.ts';
export type { ExportPiaOptions, PiaExport } from './transfer/export-pia.ts';
export type { ImportFailure, ImportKey, ImportPiaOptions, PiaImport } from './transfer/import-pia.ts';
