/**
 * Ports of DEK rotation. The store contract of `RequestRecordStore` (api-keys/request-record-ports.ts) also applies
 * here.
 */
import type { Page, ReadVersion, StoredVersion } from '../shared/ports.ts';

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

/** An item found by a scan: the current version of a value, or an earlier version in a history slot. */
export interface ScannedItem {
  /** Sort key of the item. */
  readonly key: string;
  /** The name of the value that the item belongs to. */
  readonly name: string;
  /** The history slot; undefined for the current version. */
  readonly slot: number | undefined;
  readonly content: ReadVersion;
}

export interface ValueScanStore {
  /** Items after a key, in ascending order. A page may contain fewer than `limit` items although `more` is true. */
  scan(org: string, after: string | undefined, limit: number): Promise<Page<ScannedItem>>;
  /** One item by its key. */
  get(org: string, key: string): Promise<ScannedItem | undefined>;
  /** Counts the items of one page after a key. `last` is the last key counted; undefined at the end of the list. */
  countAfter(
    org: string,
    after: string | undefined,
  ): Promise<{ readonly count: number; readonly last: string | undefined }>;
  /**
   * Replaces the sealed strings of an item, on condition that its `info` string is still that of `before`. Returns
   * false and changes nothing if it is not. Also returns true if an earlier attempt of the same call succeeded.
   */
  replaceCiphertext(
    org: string,
    key: string,
    next: Pick<StoredVersion, 'value' | 'info'>,
    before: StoredVersion,
  ): Promise<boolean>;
}

/** Approximate count of encryptions per DEK. */
export interface MessageCounter {
  /** Adds to the count of a DEK version and returns the new count. A different version restarts the count. */
  add(org: string, version: number, messages: number): Promise<number>;
}
