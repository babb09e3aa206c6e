/** The content of receipts (docs/format.md, section 7). Receipts are signed as JWS (jws.ts). Times are RFC 3339. */
import type { DestroyedDek } from './keyring-tombstone.ts';

/** `typ` of a receipt's JWS. It prevents one kind of receipt from being accepted as the other or as an audit seal. */
export const shredReceiptJwsType = 'anima-shred-receipt+jws';
export const destroyReceiptJwsType = 'anima-destroy-receipt+jws';

/** The result of a search for copies of a table. */
export interface BackupSearchResult {
  readonly checkedAt: string;
  /** The backups of the table that the receipt lists; `relevant` if a backup may contain the destroyed data. */
  readonly backups: readonly {
    readonly arn: string;
    readonly type: string;
    readonly createdAt: string;
    readonly relevant: boolean;
  }[];
  /** Number of backups found, listed or not. */
  readonly backupCount: number;
  /** Whether all backups were found. If false, there may be more. */
  readonly complete: boolean;
  readonly pointInTimeRecovery: 'ENABLED' | 'DISABLED';
  /** The earliest time that point-in-time recovery could restore. */
  readonly earliestRestorable?: string | undefined;
}

/** The signed statement that an org's DEKs were destroyed. */
export interface ShredReceipt {
  readonly statement: string;
  readonly org: string;
  /** Copies of the table made since this time may contain a DEK of the org. */
  readonly orgCreatedAt: string;
  /** 1, 2, 3 … among the receipts of this shredding. */
  readonly number: number;
  readonly issuedAt: string;
  readonly requestedAt: string;
  /** Id of the API key. */
  readonly requestedBy: string;
  readonly shreddedAt: string;
  /** No request that began at this time or later could use a DEK. */
  readonly unusableSince: string;
  /** A request that began before `unusableSince` may have been answered until this time. */
  readonly inFlightUntil: string;
  /** Generation of the tombstone when it replaced the keyring. */
  readonly generation: number;
  readonly deks: readonly DestroyedDek[];
  /** Number of DEK versions that rotation had destroyed before. */
  readonly retiredBefore: number;
  /** Values that were still stored after the shredding, none of which can be read. */
  readonly values: { readonly count: number; readonly complete: boolean };
  /**
   * Blob objects and records of unfinished uploads that still existed when they were counted. Absent from receipts
   * issued before the vault had blobs.
   */
  readonly blobs?: { readonly objects: number; readonly uploads: number; readonly complete: boolean } | undefined;
  /**
   * User keyrings, user records, and items of device vaults (rosters with wrapped keys, and log entries) that still
   * existed when they were counted.
   */
  readonly users?:
    | {
        readonly keyrings: number;
        readonly records: number;
        readonly deviceRosters: number;
        readonly deviceEntries: number;
        /** Items of session custody: mailboxes, and the directory with invites, prekeys and conversations. */
        readonly mailboxItems: number;
        readonly directoryItems: number;
        readonly complete: boolean;
      }
    | undefined;
  /** Copies of the keyring table and of the user keyring table. */
  readonly copies: BackupSearchResult;
  /** True if no user keyring was left, and no copy existed that could contain a user keyring or a DEK of the org. */
  readonly final: boolean;
  /** Present only when final. */
  readonly irrecoverableSince?: string | undefined;
  readonly limits: readonly string[];
}

/** The signed statement that one value was destroyed. */
export interface DestroyReceipt {
  readonly statement: string;
  readonly org: string;
  readonly name: string;
  readonly destroyedAt: string;
  /** Id of the API key. */
  readonly requestedBy: string;
  /**
   * No request that began at this time or later could store a version that existed before. Until then, a write that
   * began before the deletion may have put a copy of the last version back into its history slot.
   */
  readonly inFlightUntil: string;
  /**
   * The versions that were stored, newest first, each with the DEK version in its header, if it had one. The version is
   * absent if the stored item was damaged.
   */
  readonly versions: readonly { readonly version?: number | undefined; readonly dek?: number | undefined }[];
  /** DEK versions that exist. A copy of the value can be opened only while the DEK that sealed it exists. */
  readonly deks: readonly number[];
  /** Copies of the table of values. */
  readonly copies: BackupSearchResult;
  /**
   * From this time, no copy is left unless one was made by other means. Absent while any backup exists, because backups
   * have no fixed end, and when the list of backups is not complete.
   */
  readonly copiesEndAt?: string | undefined;
  readonly limits: readonly string[];
}

export const shredReceiptStatement = 'The data-encryption keys of the organization were destroyed.';
export const destroyReceiptStatement = 'The value was destroyed with all its versions.';

/** The limits of both kinds of receipt. */
const commonReceiptLimits = [
  'Anyone who read a value before may have kept a copy of it.',
  'The counts and times were recorded by the deployment that signed this receipt, with its own clocks.',
];

export const shredReceiptLimits = [
  ...commonReceiptLimits,
  'Functions that were running may have held keys in memory, without using them, until that memory was freed.',
  'Anyone who kept a copy of the keyring and could write its table could have put it back. Functions would have used it for up to five minutes.',
  'Copies were searched for in DynamoDB and AWS Backup, in the account and region of the deployment. No service lists a copy that was made by reading the table item by item.',
  'User data is encrypted with keys that were stored in user keyrings, and the keyrings are deleted. Anyone who has copies of the data and of the keyring, and the credential of a key slot, can still decrypt the data.',
  'Device vaults are encrypted with keys that only the devices have. A device keeps its keys and its records, and can also open a copy of the log.',
  'Blobs are encrypted with keys that exist only in their links. Anyone who has a link and a copy of its object can still decrypt the blob.',
];

export const destroyReceiptLimits = [
  ...commonReceiptLimits,
  'Copies of the value in recovery data and backups of the table remain encrypted. They can be decrypted only while the organization and the key of the copy exist.',
  'Earlier versions that had already been removed from the history may be in the same copies.',
  'A write that was in progress may have put an encrypted copy of the last version back into the table until inFlightUntil. It removes the copy itself, unless it was terminated. The copy is not readable by name, and the next deletion, destruction or rotation removes it.',
];
