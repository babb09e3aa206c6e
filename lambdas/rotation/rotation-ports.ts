/**
 * Ports of DEK rotation. The store contract of `RequestRecordStore` (api-keys/request-record-ports.ts) also applies
 * here.
 */
import type { Page, StoredValue, StoredVersion } from '../shared/ports.ts';

/**
 * Progress of a rotation, for display only. The record is not authenticated, so no destructive decision depends on it.
 */
export interface RotationProgress {
  /** The DEK version that became active with this rotation. */
  readonly to: number;
  /**
   * `stuck`: everything is re-encrypted except values that cannot be decrypted. The rotation does not continue on its
   * own.
   */
  readonly state: 'running' | 'draining' | 'stuck' | 'done';
  readonly counted: number;
  readonly total: number;
  readonly reencrypted: number;
  readonly damaged: number;
  /** RFC 3339. */
  readonly updatedAt: string;
  readonly finishedAt?: string | undefined;
}

export interface RotationProgressStore {
  read(org: string): Promise<RotationProgress | undefined>;
  save(org: string, progress: RotationProgress): Promise<void>;
}

/** A value found by a scan; `stored` is undefined if the item does not have the documented format. */
export interface ScannedValue {
  readonly name: string;
  readonly stored: StoredValue | undefined;
}

export interface ValueScanStore {
  /**
   * Whole values after a name, in ascending order. A page may contain fewer than `limit` values although `more` is
   * true.
   */
  scan(org: string, after: string | undefined, limit: number): Promise<Page<ScannedValue>>;
  /** One whole value; undefined if it does not exist or does not have the documented format. */
  get(org: string, name: string): Promise<StoredValue | undefined>;
  /** Counts the values of one page after a name. `last` is the last name counted; undefined at the end of the list. */
  countAfter(
    org: string,
    after: string | undefined,
  ): Promise<{ readonly count: number; readonly last: string | undefined }>;
  /**
   * Replaces the sealed strings of a value's versions, on condition that the item's `info` string is still that of
   * `before`. Returns false and changes nothing if it is not. Also returns true if an earlier attempt of the same call
   * succeeded.
   */
  replaceCiphertext(org: string, next: StoredValue, before: StoredVersion): Promise<boolean>;
}

/** Approximate count of encryptions per DEK. */
export interface MessageCounter {
  /** Adds to the count of a DEK version and returns the new count. A different version restarts the count. */
  add(org: string, version: number, messages: number): Promise<number>;
}
