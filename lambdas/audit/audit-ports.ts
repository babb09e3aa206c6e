/**
 * Ports of the audit. Reads are strongly consistent as in all stores (api-keys/request-record-ports.ts), except where
 * noted.
 */

import type { AuditRecord } from '../../contract/audit/wire.ts';
import type { Page } from '../shared/ports.ts';

/** A stored audit record. */
export interface StoredAuditRecord {
  readonly record: AuditRecord;
  /** Time in seconds since 1970 after which the record is deleted; absent if it is kept forever. */
  readonly ttl?: number | undefined;
}

/** A record about to be written. */
export interface NewAuditRecord extends StoredAuditRecord {
  /**
   * Index key by which the sealer finds the org (see {@link AuditMarkIndex}); absent if an earlier record of the period
   * carries it.
   */
  readonly mark?: string | undefined;
}

export interface AuditAppender {
  /**
   * Stores a record under its org and ID. Never overwrites a record.
   * @param timeoutMs milliseconds until the write is abandoned
   * @throws VaultError `unavailable`
   */
  put(record: NewAuditRecord, timeoutMs: number): Promise<void>;
}

export interface AuditReader {
  /**
   * Records with IDs from `from` to `to`, both inclusive, ascending. For an item that does not have the documented
   * format, `stored` is undefined; its ID can be any text.
   */
  listRecords(org: string, from: string, to: string, limit: number): Promise<AuditPage>;
}

export interface AuditPage {
  readonly items: readonly { readonly id: string; readonly stored: StoredAuditRecord | undefined }[];
  readonly more: boolean;
}

/** Records that concern a person: those with `approval`, and those with `tripwires`. Others are read and left out. */
export interface ActivityReader {
  /**
   * One query from `from` to `to`, both inclusive.
   * @param order by the id: `newest` or `oldest` first
   * @param limit records that are read, including those that are left out
   */
  listActivity(
    org: string,
    range: { readonly from: string; readonly to: string },
    order: 'newest' | 'oldest',
    limit: number,
  ): Promise<ActivityPage>;
}

export interface ActivityPage {
  readonly items: readonly StoredAuditRecord[];
  /** Id of the last item that was read, which can be any text; undefined at the end of the range. */
  readonly lastRead: string | undefined;
}

export interface StoredSeal {
  readonly seq: number;
  /** JWS in compact form. */
  readonly jws: string;
}

/** The object of a seal in the locked bucket. Anyone who can write the bucket can add versions, but remove none. */
export interface StoredHead {
  readonly seq: number;
  /** Oldest first. */
  readonly versions: readonly { readonly id: string; readonly bytes: number }[];
  /** False if there are too many versions to list. The oldest ones are then missing. */
  readonly complete: boolean;
}

/** Seals in the locked bucket. Content is untrusted until AuditHeads (audit-heads.ts) has verified it. */
export interface AuditHeadReader {
  /**
   * Heads with a higher number, ascending. A delete marker hides none. The page is empty although there are more if too
   * many other objects are between them.
   * @throws VaultError `unavailable`
   */
  listHeads(org: string, after: number, limit: number): Promise<Page<StoredHead>>;
  /** The text of a version; undefined if it does not exist. @throws VaultError `unavailable` */
  readVersion(org: string, seq: number, versionId: string): Promise<string | undefined>;
}

export interface AuditHeadStore extends AuditHeadReader {
  /**
   * Stores a seal. Returns false and changes nothing if an object with its number exists.
   * @throws VaultError `unavailable`
   */
  addHead(org: string, seal: StoredSeal): Promise<boolean>;
  /** Adds a version to the object of a seal, after those that exist. @throws VaultError `unavailable` */
  addVersion(org: string, seal: StoredSeal): Promise<void>;
}

/** Index of orgs that have unsealed records. */
export interface AuditMarkIndex {
  /** The distinct orgs of the records with this mark. Eventually consistent. */
  listOrgs(mark: string): Promise<readonly string[]>;
  /** Time in milliseconds since 1970 up to which all marks are processed; undefined before the first run. Not trusted. */
  getProgress(): Promise<number | undefined>;
  /** Advances the progress. An earlier time than a stored one changes nothing, unless that one is later than now. */
  advanceProgress(time: number, now: number): Promise<void>;
}

/**
 * Seals the records of an org that are old enough. Also resolves if the sealer failed, for example because the last
 * seal is invalid: evidence of tampering must remain exportable.
 * @throws VaultError `unavailable`
 */
export type SealOrgAudit = (org: string) => Promise<void>;

/** Reports that records of an org have tripwires. Never throws: the seals must not depend on it. */
export type ReportTripwires = (org: string) => Promise<void>;
