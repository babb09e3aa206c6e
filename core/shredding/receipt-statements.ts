/** What receipts say (docs/format.md, section 7). They are signed as JWS (jws.ts); numbers are counts, times are RFC 3339. */
import type { DestroyedDek } from './keyring-tombstone.ts';

/** `typ` of a receipt's JWS: neither kind can pass for the other, nor for an audit seal. */
export const shredReceiptJwsType = 'anima-shred-receipt+jws';
export const destroyReceiptJwsType = 'anima-destroy-receipt+jws';

/** What was found when copies of a table were looked for. */
export interface BackupSearchResult {
  readonly checkedAt: string;
  /** Backups of the table, as far as the receipt lists them; `relevant` if it may hold what was destroyed. */
  readonly backups: readonly {
    readonly arn: string;
    readonly type: string;
    readonly createdAt: string;
    readonly relevant: boolean;
  }[];
  /** How many backups were found, listed or not. */
  readonly backupCount: number;
  /** Whether all backups were found; else there may be more. */
  readonly complete: boolean;
  readonly pointInTimeRecovery: 'ENABLED' | 'DISABLED';
  /** The earliest state that point-in-time recovery could bring back. */
  readonly earliestRestorable?: string | undefined;
}

/** The signed statement that an org's DEKs were destroyed. */
export interface ShredReceipt {
  readonly statement: string;
  readonly org: string;
  /** Copies of the table from then on may hold a DEK of the org. */
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
  /** Until then, a request that began before may have been answered. */
  readonly inFlightUntil: string;
  /** Of the record that was put in place of the keyring. */
  readonly generation: number;
  readonly deks: readonly DestroyedDek[];
  /** DEK versions that rotation had destroyed before. */
  readonly retiredBefore: number;
  /** Values that were stored after the shredding, none of which can be read. */
  readonly values: { readonly count: number; readonly complete: boolean };
  /**
   * Objects of blobs, and unfinished uploads by their records, that were still there when they were counted; absent from receipts that
   * were issued before there were blobs.
   */
  readonly blobs?: { readonly objects: number; readonly uploads: number; readonly complete: boolean } | undefined;
  /**
   * Keyrings and records of users that were still there when they were counted; absent from receipts that were issued before there were
   * users.
   */
  readonly users?: { readonly keyrings: number; readonly records: number; readonly complete: boolean } | undefined;
  /** Copies of the table of keyrings, and of that of user keyrings. */
  readonly copies: BackupSearchResult;
  /** Whether no keyring of a user was left, and no copy existed that could hold one, or a DEK of the org. */
  readonly final: boolean;
  /** Only when final. */
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
  /** The versions that were stored, newest first, each with the DEK version that sealed it, if it named one. */
  readonly versions: readonly { readonly version: number; readonly dek?: number | undefined }[];
  /** DEK versions that exist: a copy of the value opens under its own only while that does. */
  readonly deks: readonly number[];
  /** Copies of the table of values. */
  readonly copies: BackupSearchResult;
  /** From then on no copy is left, unless one is made by other means; absent while a backup without an end exists. */
  readonly copiesEndAt?: string | undefined;
  readonly limits: readonly string[];
}

export const shredReceiptStatement = 'The data-encryption keys of the organization were destroyed.';
export const destroyReceiptStatement = 'The value was destroyed with all its versions.';

/** What no receipt can claim, of either kind. */
const commonReceiptLimits = [
  'Values that were read before may have been kept by whoever read them.',
  'The counts and times are those of the deployment that signed, by its clocks.',
];

export const shredReceiptLimits = [
  ...commonReceiptLimits,
  'Functions that were running may have held keys in their memory, without using them, until that was freed.',
  'Copies were looked for in DynamoDB and AWS Backup of the account and region of the deployment; whoever read the table item by item made a copy that no service lists.',
  'Data of users is encrypted by keys that their keyrings held, and those are deleted; whoever has copies of both, and what opens a slot, can still open it.',
  'Blobs are encrypted by keys that are only in their links: whoever has a link and a copy of its object can still open that.',
];

export const destroyReceiptLimits = [
  ...commonReceiptLimits,
  'Copies of the value in recovery data and backups of the table stay ciphertext and open only while the organization and their key exist.',
  'Earlier versions that had left the history before may lie in the same copies.',
];
