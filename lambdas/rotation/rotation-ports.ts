/** What rotations need from the world, beside the ports of requests (ports.ts), whose promises hold here too. */
import type { Page, StoredValue, StoredVersion } from '../shared/ports.ts';

/** How far a rotation is, for who watches it. No rule that loses anything stands on this: it is not authenticated. */
export interface RotationProgress {
  /** DEK version that seals since then. */
  readonly to: number;
  /** `stuck`: all is re-encrypted but for values that can't be opened, and nothing goes on by itself. */
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

/** A value met by a sweep; `stored` is undefined when the item has not the documented form. */
export interface ScannedValue {
  readonly name: string;
  readonly stored: StoredValue | undefined;
}

export interface ValueScanStore {
  /** Whole values by name, ascending, after a name; a page may hold less than `limit` and yet be followed by `more`. */
  scan(org: string, after: string | undefined, limit: number): Promise<Page<ScannedValue>>;
  /** One whole value; undefined when it is gone or has not the documented form. */
  get(org: string, name: string): Promise<StoredValue | undefined>;
  /** How many values there are in a stretch after a name, and where it ended; `last` is undefined at the end of the list. */
  countAfter(
    org: string,
    after: string | undefined,
  ): Promise<{ readonly count: number; readonly last: string | undefined }>;
  /**
   * Puts other sealed strings of the same versions in place, on condition that the item is still as `before`, to the very
   * string of its info. False, and nothing is changed, when it is not; true also when an earlier try has done it.
   */
  replaceCiphertext(org: string, next: StoredValue, before: StoredVersion): Promise<boolean>;
}

/** Counts what was sealed under a DEK, roughly. */
export interface MessageCounter {
  /** Adds to the count of a DEK version; the count of another version begins anew. Returns the count then. */
  add(org: string, version: number, messages: number): Promise<number>;
}
