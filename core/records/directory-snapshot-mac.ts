/** The MAC of the snapshot of a directory, as the service stores it (docs/session-service.md, section 10). */
import { u64 } from '../encoding/length-prefixed-fields.ts';
import { type AuthenticationKey, computeRecordMac, verifyRecordMac } from './authentication-key.ts';

export interface StoredSnapshotFields {
  /** Head whose state it contains. */
  readonly seq: number;
  readonly hash: Uint8Array;
  /** Subtrees of the tree over the entries, as `fields`. */
  readonly subtrees: Uint8Array;
  /** SHA-256 of every part, one after the other. */
  readonly parts: Uint8Array;
}

const macFields = ({ org }: AuthenticationKey, { seq, hash, subtrees, parts }: StoredSnapshotFields) =>
  ['anima:directory-snapshot:v1', org, u64(seq), hash, subtrees, parts] as const;

export const computeSnapshotMac = (key: AuthenticationKey, snapshot: StoredSnapshotFields): string =>
  computeRecordMac(key, macFields(key, snapshot));

/** @throws DecryptionError for a snapshot that the service did not store for this org */
export const verifySnapshotMac = (key: AuthenticationKey, snapshot: StoredSnapshotFields, mac: unknown): void =>
  verifyRecordMac(key, mac, macFields(key, snapshot));
