/** What the rules of the audit need from the world. As with all stores (ports.ts), reads are strongly consistent. */

import type { AuditRecord } from '../../contract/audit/wire.ts';
import type { Page } from '../shared/ports.ts';

/** A record as it is stored. */
export interface StoredAuditRecord {
  readonly record: AuditRecord;
  /** Seconds since 1970 from which on it is no longer kept; absent when it is kept for ever. */
  readonly ttl?: number | undefined;
}

/** A record about to be written. */
export interface NewAuditRecord extends StoredAuditRecord {
  /** Where the sealer looks for the org (see {@link AuditMarkIndex}); absent when an earlier record told it already. */
  readonly mark?: string | undefined;
}

export interface AuditAppender {
  /**
   * Stores a record under its org and id, and never over another.
   * @param timeoutMs milliseconds until it gives up
   * @throws VaultError `unavailable`
   */
  put(record: NewAuditRecord, timeoutMs: number): Promise<void>;
}

export interface StoredSeal {
  readonly seq: number;
  /** JWS in compact form. */
  readonly jws: string;
}

export interface AuditReader {
  /**
   * Records with ids from `from` to `to`, both inclusive, ascending. An item that has not the documented form is
   * `undefined` in its place.
   */
  listRecords(org: string, from: string, to: string, limit: number): Promise<AuditPage>;
  /** Seals after a number, ascending. */
  listSeals(org: string, after: number, limit: number): Promise<Page<StoredSeal>>;
}

export interface AuditPage {
  readonly items: readonly { readonly id: string; readonly stored: StoredAuditRecord | undefined }[];
  readonly more: boolean;
}

export interface SealStore extends AuditReader {
  /** The newest seal; undefined before the first. */
  getLatestSeal(org: string): Promise<StoredSeal | undefined>;
  /** Stores a seal unless there is one of its number: then it returns false and has changed nothing. */
  addSeal(org: string, seal: StoredSeal): Promise<boolean>;
}

/** Which orgs have records that no seal covers yet. */
export interface AuditMarkIndex {
  /** Orgs that records with this mark belong to, each once. Eventually consistent. */
  listOrgs(mark: string): Promise<readonly string[]>;
  /** Milliseconds since 1970 up to which all marks were dealt with; undefined at first. */
  getProgress(): Promise<number | undefined>;
  /** Never takes it back: an earlier time changes nothing. */
  advanceProgress(time: number): Promise<void>;
}

/**
 * Has the records of an org sealed that are old enough. Resolves as well when the sealer could not go on from the last seal
 * it found: evidence of tampering must stay exportable.
 * @throws VaultError `unavailable`
 */
export type SealOrgAudit = (org: string) => Promise<void>;
