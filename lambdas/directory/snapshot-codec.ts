/** The parts of a stored state: its leaves, in pieces that fit into an item. */
import { createHash } from 'node:crypto';
import { DecryptionError } from '../../core/decryption-error.ts';
import type { DirectoryState } from '../../core/directory/directory-state.ts';
import { decodeLeaves, encodeLeaves } from '../../core/directory/state-leaves.ts';
import { concatBytes, encodeFieldBytes, equalBytes } from '../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../core/encoding/field-reader.ts';
import type { AuthenticationKey } from '../../core/records/authentication-key.ts';
import { computeSnapshotMac, verifySnapshotMac } from '../../core/records/directory-snapshot-mac.ts';
import type { StoredSnapshot } from './directory-ports.ts';

/** DynamoDB stores 400 KB in an item. A leaf has at most some 2 KB. */
const partBytes = 300_000;
const hashLength = 32;

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

/** The leaves of a state, as `fields` of each part. */
export function splitLeaves(state: DirectoryState): Uint8Array[] {
  const parts: Uint8Array[][] = [[]];
  let bytes = 0;
  for (const leaf of encodeLeaves(state)) {
    if (bytes + leaf.length > partBytes) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(leaf);
    bytes += leaf.length + 4;
  }
  return parts.map((leaves) => encodeFieldBytes(...leaves));
}

/** The leaves of one part. @throws DecryptionError for another form */
export function leavesOfPart(part: Uint8Array): readonly Uint8Array[] {
  const leaves = decodeFieldBytes(part);
  if (leaves === undefined) throw new DecryptionError();
  return leaves;
}

export const partCount = ({ parts }: Pick<StoredSnapshot, 'parts'>): number => parts.length / hashLength;

/** The snapshot of a state, without its parts. */
export function sealSnapshot(
  key: AuthenticationKey,
  { head, entries }: DirectoryState,
  parts: readonly Uint8Array[],
): StoredSnapshot {
  const fields = {
    seq: head.seq,
    hash: head.hash,
    subtrees: encodeFieldBytes(...entries.subtrees),
    parts: concatBytes(...parts.map(sha256)),
  };
  return { ...fields, mac: computeSnapshotMac(key, fields) };
}

/** @throws DecryptionError if the service did not store the snapshot for this org */
export const verifySnapshot = (key: AuthenticationKey, snapshot: StoredSnapshot): void =>
  verifySnapshotMac(key, snapshot, snapshot.mac);

/** The state in a verified snapshot. @throws DecryptionError if a part is another one */
export function openSnapshot(org: string, snapshot: StoredSnapshot, parts: readonly Uint8Array[]): DirectoryState {
  const { seq, hash, subtrees: encoded, parts: hashes } = snapshot;
  if (!equalBytes(concatBytes(...parts.map(sha256)), hashes)) throw new DecryptionError();
  const state = decodeLeaves(org, parts.flatMap(leavesOfPart));
  const subtrees = decodeFieldBytes(encoded)?.map((subtree) => new Uint8Array(subtree));
  if (state === undefined || subtrees === undefined) throw new DecryptionError();
  return { ...state, head: { seq, hash: new Uint8Array(hash) }, entries: { count: seq, subtrees } };
}
