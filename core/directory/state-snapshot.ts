/**
 * The state of a directory as bytes, so that a client does not verify the chain again when it starts. Only the client
 * itself reads them. It must store them authenticated: a changed snapshot would be believed.
 */

import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, encodeFieldBytes, u64Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU64Field, fieldOfLength } from '../encoding/field-reader.ts';
import { isFrontierOf } from '../encoding/merkle-shape.ts';
import { hashLength } from './directory-ids.ts';
import type { DirectoryState } from './directory-state.ts';
import { decodeLeaves, encodeLeaves } from './state-leaves.ts';

const label = 'anima:directory-state:v1';

export function encodeDirectoryState(state: DirectoryState): Bytes {
  const { org, head, entries } = state;
  const parts = [u64Bytes(head.seq), head.hash, encodeFieldBytes(...entries.subtrees)] as const;
  return encodeFieldBytes(label, org, ...parts, encodeFieldBytes(...encodeLeaves(state)));
}

/** @throws DecryptionError for any other form, and for another org */
export function decodeDirectoryState(org: string, encoded: Uint8Array): DirectoryState {
  const fields = decodeFieldBytes(encoded) ?? [];
  const [seq, hash] = [decodeU64Field(fields[2]), fieldOfLength(fields[3], hashLength)];
  const subtrees = decodeFieldBytes(fields[4] ?? new Uint8Array(1))?.map((root) => new Uint8Array(root));
  const leaves = decodeFieldBytes(fields[5] ?? new Uint8Array(1));
  const isOwn = decodeTextField(fields[0]) === label && decodeTextField(fields[1]) === org && fields.length === 6;
  if (!isOwn || seq === undefined || hash === undefined) throw new DecryptionError();
  if (subtrees === undefined || leaves === undefined) throw new DecryptionError();
  const state = decodeLeaves(org, leaves);
  const entries = { count: seq, subtrees };
  if (state === undefined || !isFrontierOf(entries) || subtrees.some(({ length }) => length !== hashLength))
    throw new DecryptionError();
  return { ...state, head: { seq, hash }, entries };
}
