/** JSON types of the routes of device vaults. Binary fields are standard base64 (docs/device-service.md). */

export interface CreateDeviceVaultRequest {
  /** Chosen by the client: 16 characters of `0-9 a-z`. */
  vault: string;
  /** The signed entry `genesis`. */
  entry: string;
  /** Its wraps. */
  wraps: string;
}

export interface CreateDeviceVaultResponse {
  vault: string;
  /** RFC 3339. */
  createdAt: string;
}

export interface DeviceVaultInfo {
  vault: string;
  /**
   * `closed`: an entry `close` ended the vault. `damaged`: the service did not store its roster, so no device can use the
   * vault. It can still be deleted.
   */
  state: 'active' | 'closed' | 'damaged';
  /** RFC 3339. Absent if damaged. */
  createdAt?: string | undefined;
  /** Sequence number of the head; 0 if damaged. */
  seq: number;
  /** Number of devices, without the recovery member. */
  devices: number;
  /** Whether a recovery code exists. */
  hasRecovery: boolean;
  /** RFC 3339: the time from which the vault can be deleted, if its deletion was requested. */
  deletableAt?: string | undefined;
}

export interface ListDeviceVaultsResponse {
  vaults: DeviceVaultInfo[];
}

export interface DeleteDeviceVaultResponse {
  vault: string;
  /** Whether nothing of the vault is left. */
  deleted: boolean;
  /** RFC 3339: the time from which the vault can be deleted, if that time is not reached. */
  deletableAt?: string | undefined;
}

export interface KeepDeviceVaultResponse {
  vault: string;
}

export interface DeviceRecoveryResponse {
  /** The recovery box. */
  box: string;
}

export interface DeviceLogEntry {
  /** The signed entry. */
  entry: string;
  /** Its wraps, if it has any and they exist. */
  wraps?: string | undefined;
}

export interface ReadDeviceLogResponse {
  entries: DeviceLogEntry[];
  /** Sequence number of the head. */
  head: number;
  /** Whether entries after the last one of this response exist. */
  more: boolean;
  /** RFC 3339: the time from which the vault can be deleted, if its deletion was requested. */
  deletableAt?: string | undefined;
  /** Entries after the sequence number of the request were pruned. There are no entries in this response then. */
  pruned?: PrunedLog | undefined;
}

export interface PrunedLog {
  /** Sequence number of the checkpoint to go on from. */
  checkpoint: number;
  /** Inclusion proof of the entry with the sequence number of the request; empty for 0. */
  proof: string[];
}

export interface PruneDeviceLogRequest {
  /** Sequence number of an acknowledged checkpoint. */
  checkpoint: number;
}

export interface PruneDeviceLogResponse {
  /** Sequence number of the checkpoint that the log is being pruned to. */
  checkpoint: number;
  /** Whether the log is pruned. Otherwise the same request continues. */
  done: boolean;
  /** Grows with each step. */
  step: number;
}

export interface ReadBundleEntriesResponse {
  /** Roster entries that had an effect, then the checkpoint. */
  entries: DeviceLogEntry[];
  /** Subtrees of the tree over the hashes of all entries before the checkpoint, largest first. */
  subtrees: string[];
  more: boolean;
}

export interface BundleRecord {
  epoch: number;
  /** The change that wrote the newest version of the record. */
  change: string;
}

export interface ReadBundleRecordsResponse {
  /** In the order of `type:id`. */
  records: BundleRecord[];
  more: boolean;
}

export interface AppendDeviceLogRequest {
  /** The signed entry. */
  entry: string;
  /** Its wraps, if its kind has wraps. */
  wraps?: string | undefined;
  /** The recovery box of an entry `recovery` or `recover`. */
  recoveryBox?: string | undefined;
  /** The message `approver/1` of the pairing of an entry `add`. It is stored after the entry. */
  pairing?: ApprovalMessage | undefined;
}

export interface ApprovalMessage {
  /** The id of the pairing, which is also in the entry. */
  pairing: string;
  message: string;
}

export interface AppendDeviceLogResponse {
  /** Sequence number of the entry. */
  seq: number;
}

export interface PairingMessageRequest {
  message: string;
}

export interface PairingInfo {
  pairing: string;
  /** RFC 3339. */
  expiresAt: string;
  /** Messages of the new device, in their order. */
  new: string[];
  /** The message of the approving device, if it is there. */
  approver: string[];
}

export interface ListPairingsResponse {
  pairings: PairingInfo[];
}

export interface DeletePairingResponse {
  /** False if there was no such pairing. */
  deleted: boolean;
}
