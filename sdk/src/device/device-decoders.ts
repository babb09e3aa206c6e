/** Decoders of the responses of the routes of device vaults. Bytes stay base64 until they are verified. */
import type {
  AppendDeviceLogResponse,
  BundleRecord,
  CreateDeviceVaultResponse,
  DeleteDeviceVaultResponse,
  DeletePairingResponse,
  DeviceLogEntry,
  DeviceRecoveryResponse,
  DeviceVaultInfo,
  KeepDeviceVaultResponse,
  ListDeviceVaultsResponse,
  ListPairingsResponse,
  PairingInfo,
  PruneDeviceLogResponse,
  PrunedLog,
  ReadBundleEntriesResponse,
  ReadBundleRecordsResponse,
  ReadDeviceLogResponse,
} from '../../../contract/devices/wire.ts';
import {
  decodeBoolean,
  decodeCount,
  decodeListOf,
  decodeObject,
  decodeOneOf,
  decodeText,
  optional,
} from '../shared/json-decoders.ts';

export const decodeCreatedVault = decodeObject<CreateDeviceVaultResponse>({ vault: decodeText, createdAt: decodeText });

export const decodeVaultList = decodeObject<ListDeviceVaultsResponse>({
  vaults: decodeListOf(
    decodeObject<DeviceVaultInfo>({
      vault: decodeText,
      state: decodeOneOf<DeviceVaultInfo['state']>(['active', 'closed', 'damaged']),
      createdAt: optional(decodeText),
      seq: decodeCount,
      devices: decodeCount,
      hasRecovery: decodeBoolean,
      deletableAt: optional(decodeText),
    }),
  ),
});

export const decodeDeletedVault = decodeObject<DeleteDeviceVaultResponse>({
  vault: decodeText,
  deleted: decodeBoolean,
  deletableAt: optional(decodeText),
});

export const decodeKeptVault = decodeObject<KeepDeviceVaultResponse>({ vault: decodeText });

export const decodeRecoveryBox = decodeObject<DeviceRecoveryResponse>({ box: decodeText });

const decodeEntries = decodeListOf(decodeObject<DeviceLogEntry>({ entry: decodeText, wraps: optional(decodeText) }));

export const decodeLogPage = decodeObject<ReadDeviceLogResponse>({
  entries: decodeEntries,
  head: decodeCount,
  more: decodeBoolean,
  deletableAt: optional(decodeText),
  pruned: optional(decodeObject<PrunedLog>({ checkpoint: decodeCount, proof: decodeListOf(decodeText) })),
});

export const decodePrune = decodeObject<PruneDeviceLogResponse>({
  checkpoint: decodeCount,
  done: decodeBoolean,
  step: decodeCount,
});

export const decodeBundleEntries = decodeObject<ReadBundleEntriesResponse>({
  entries: decodeEntries,
  subtrees: decodeListOf(decodeText),
  more: decodeBoolean,
});

export const decodeBundleRecords = decodeObject<ReadBundleRecordsResponse>({
  records: decodeListOf(decodeObject<BundleRecord>({ epoch: decodeCount, change: decodeText })),
  more: decodeBoolean,
});

export const decodeAppended = decodeObject<AppendDeviceLogResponse>({ seq: decodeCount });

export const decodePairing = decodeObject<PairingInfo>({
  pairing: decodeText,
  expiresAt: decodeText,
  new: decodeListOf(decodeText),
  approver: decodeListOf(decodeText),
});

export const decodePairings = decodeObject<ListPairingsResponse>({ pairings: decodeListOf(decodePairing) });

export const decodeDeletedPairing = decodeObject<DeletePairingResponse>({ deleted: decodeBoolean });
