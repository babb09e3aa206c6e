/** Public types of `@anima/sdk/device`. */
import type { DeviceVaultInfo } from '../../../contract/devices/wire.ts';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import type { AnimaOptions, CallOptions } from '../shared/client-options.ts';
import type { DeviceStorage } from './storage/storage-ports.ts';

export type { DeviceVaultInfo, VaultScope };

/** The types of records that a device vault holds. */
export type RecordType = 'memory' | 'session' | 'provider' | 'todo';

/** Roles of a device: `admin` manages devices, `data` only reads and writes records. */
export type DeviceRole = 'admin' | 'data';

export interface DeviceVaultsOptions extends AnimaOptions {
  /**
   * The user whose vaults these are. Default: the owner of the user key. Required with a session, because a vault is
   * bound to its owner, and the service is not asked who that is.
   */
  readonly owner?: { readonly org: string; readonly user: string } | undefined;
  /** Where this device keeps its keys and its encrypted copy of the vault. */
  readonly storage: DeviceStorage;
}

export interface DeviceInfo {
  readonly id: string;
  readonly role: DeviceRole | 'recovery';
  /** Undefined if it has none, or if this device has no key to open it. */
  readonly label: string | undefined;
  /** Whether it is the calling device. */
  readonly isThis: boolean;
  /** Sequence number of the entry that made it a member. */
  readonly since: number;
  /** RFC 3339 time of its last entry, by its own clock. */
  readonly lastHeard: string;
  /** Whether it was not heard of for 90 days. */
  readonly isSilent: boolean;
}

/** What a person is asked to compare and confirm. The answer must come from a person. */
export interface CodeComparison {
  /** `XXXX-XXXX-XXXX-XXXX`. It is the same on both screens, unless somebody is between them. */
  readonly code: string;
}

/** Returns whether a person confirmed that both screens show this code. */
export type ConfirmCode = (comparison: CodeComparison) => Promise<boolean>;

export interface JoinOptions extends CallOptions {
  readonly vault: string;
  readonly confirm: ConfirmCode;
  /** Called when the pairing waits for the other device. */
  readonly onWaiting?: ((pairing: { readonly pairing: string; readonly expiresAt: string }) => void) | undefined;
}

export interface JoinByQrOptions extends CallOptions {
  readonly vault: string;
}

/** A QR code to display. Any device that scans it takes part in the pairing, so only the other device may see it. */
export interface DisplayedQr extends PendingPairing {
  /** The text of the QR code: digits, upper-case letters and hyphens. */
  readonly text: string;
}

export interface ShowJoinQrOptions extends JoinByQrOptions {
  /** Called with the code when it can be scanned. */
  readonly show: (qr: DisplayedQr) => void;
}

export interface RecoverOptions extends CallOptions {
  readonly vault: string;
  /** The recovery code as a person typed it. */
  readonly code: string;
  /** Name of this device, for people. Encrypted. */
  readonly label?: string | undefined;
}

export interface ApproveOptions extends CallOptions {
  readonly role?: DeviceRole | undefined;
  /** Name of the new device, for people. Encrypted. */
  readonly label?: string | undefined;
}

export interface ApproveByCodeOptions extends ApproveOptions {
  readonly confirm: ConfirmCode;
}

export interface ShowApproveQrOptions extends ApproveOptions {
  /** Called with the code when it can be scanned. */
  readonly show: (qr: DisplayedQr) => void;
}

/** Confirmation of a call that cannot be undone. */
export interface ConfirmVaultOptions extends CallOptions {
  /** The id of the vault. */
  readonly confirm: string;
}

export interface PendingPairing {
  readonly pairing: string;
  readonly expiresAt: string;
}

export interface SyncProgress {
  /** Sequence number of the verified head, and of the head that the service announced. */
  readonly verified: number;
  readonly announced: number;
  /** Number of records that were read so far, while a device goes on at a checkpoint of a pruned log. */
  readonly records?: number | undefined;
}

/** Something that a device reports and goes on after. */
export interface SyncNotice {
  readonly seq: number;
  readonly kind:
    | 'entry_void'
    | 'change_void'
    | 'content_void'
    | 'no_key'
    | 'history_missing'
    | 'roster_changed'
    | 'rotation_due'
    | 'deletion_requested';
  /** For people: which entry or record, and why. Never content. */
  readonly detail: string;
}

export interface SyncResult {
  /** Numbers of entries of others that the verified head moved on by, pruned ones included, and of own changes stored. */
  readonly pulled: number;
  readonly pushed: number;
  /** Changes that are still queued on this device. */
  readonly queued: number;
  readonly notices: readonly SyncNotice[];
  /** Records with two versions that a person must decide between. */
  readonly conflicts: readonly RecordConflict[];
}

export interface PruneOptions extends CallOptions {
  /**
   * Whether a person confirmed that earlier versions are deleted. Required of a vault with one device; with several
   * devices, another one checks what stays.
   */
  readonly confirmed?: boolean | undefined;
}

export interface PruneResult {
  /** Sequence number of the checkpoint that the log is pruned to; undefined if it is not pruned. */
  readonly checkpoint: number | undefined;
  /** Whether a newer checkpoint waits until another device has synced. */
  readonly isWaiting: boolean;
}

export interface SyncOptions extends CallOptions {
  readonly onProgress?: ((progress: SyncProgress) => void) | undefined;
}

/** Any JSON. */
export type RecordData =
  | null
  | boolean
  | number
  | string
  | readonly RecordData[]
  | { readonly [key: string]: RecordData };

export interface DeviceRecord {
  readonly type: RecordType;
  readonly id: string;
  readonly version: number;
  readonly data: RecordData;
  /** `synced` if the service has it, `local` if it is queued on this device only. */
  readonly state: 'local' | 'synced';
  /** The device that wrote this version. */
  readonly device: string;
  /** Whether it came from an import, whose source nobody verified. */
  readonly isImported: boolean;
}

export interface RecordVersion {
  readonly version: number;
  /** Sequence number of its entry; of the checkpoint if `isFromCheckpoint`. */
  readonly seq: number;
  /** RFC 3339, by the clock of the device. Undefined if `isFromCheckpoint`. */
  readonly time: string | undefined;
  /** Empty if it is not known: of a version from a checkpoint that does not open. */
  readonly device: string;
  /** Whether the log was pruned after this version. This device then lacks versions before it that it had not read. */
  readonly isFromCheckpoint: boolean;
  /** Undefined if it is a deletion, or if its content does not open. */
  readonly data: RecordData | undefined;
  readonly isDeleted: boolean;
}

export interface RecordConflict {
  readonly type: RecordType;
  readonly id: string;
  /** The version in the vault; undefined if it was deleted there. */
  readonly theirs: RecordData | undefined;
  /** The version of this device; undefined if it was deleted here. */
  readonly mine: RecordData | undefined;
}

export interface RecordChange {
  readonly type: RecordType;
  readonly id: string;
  /** Undefined if the record was deleted. */
  readonly record: DeviceRecord | undefined;
}

/** Records of one type. Reads answer from the encrypted copy on this device; `sync` brings it up to date. */
export interface DeviceRecords {
  /** Stores a record under its id; without id, under a new random one. @returns the record, `local` while offline */
  put(data: RecordData, options?: CallOptions & { readonly id?: string | undefined }): Promise<DeviceRecord>;
  /** @throws DeviceVaultError no_key, unreadable_content */
  get(id: string): Promise<DeviceRecord | undefined>;
  /** All records in the order of their ids, except for those that this device cannot read. */
  list(): Promise<readonly DeviceRecord[]>;
  delete(id: string, options?: CallOptions): Promise<boolean>;
  /** All versions that this device has, newest first. Those before a checkpoint are missing if it joined later. */
  history(id: string): Promise<readonly RecordVersion[]>;
  /** Writes the content of an earlier version, also of a deleted record, as the next version. */
  restore(id: string, version: number, options?: CallOptions): Promise<DeviceRecord>;
  /** Changes by other devices and by this one, from now on, until `signal` fires. */
  watch(options?: CallOptions): AsyncIterable<RecordChange>;
  /** Records whose text contains all words of the query, best first. Searched on this device. */
  search(query: string, options?: { readonly limit?: number | undefined }): Promise<readonly DeviceRecord[]>;
  /** Decides a conflict of this type: keeps one side, or writes merged data. */
  resolve(id: string, keep: 'mine' | 'theirs' | { readonly data: RecordData }, options?: CallOptions): Promise<void>;
  conflicts(): Promise<readonly RecordConflict[]>;
}

export interface RecoveryCode {
  /** 32 characters in eight groups of four. Anyone who has it can open the vault. Shown once; stored nowhere. */
  readonly code: string;
  /** Sequence number and hash (hex) of the head when the code was made. */
  readonly head: { readonly seq: number; readonly hash: string };
  /** A printable page (HTML, without scripts or external content) with the code, vault id, date and head. */
  readonly page: string;
}
