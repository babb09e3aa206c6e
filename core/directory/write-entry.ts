/** Makes entries that follow a state (docs/format-directory.md, sections 2 and 3). */
import type { Bytes } from '../encoding/bytes.ts';
import { type Ed25519KeyPair, signEd25519 } from '../hazmat/ed25519.ts';
import { checkpointOf } from './checkpoint-roots.ts';
import type { DirectoryState } from './directory-state.ts';
import { type DirectoryEntry, signEntry } from './entry.ts';
import { type EntryBody, encodeBody, type OrgKeys, recoveryProofMessage } from './entry-bodies.ts';
import { compareBytes } from './lists.ts';

/** The entry that can follow this state. @param time milliseconds since 1970 */
export const draftEntry = (
  { org, head }: DirectoryState,
  body: EntryBody,
  time: number,
  signer: Uint8Array,
  cosigner?: Uint8Array,
): DirectoryEntry => ({
  org,
  seq: head.seq + 1,
  prev: head.hash,
  op: body.op,
  body: encodeBody(body),
  time,
  signer: new Uint8Array(signer),
  cosigner: cosigner && new Uint8Array(cosigner),
});

/**
 * Drafts and signs an entry.
 * @param time milliseconds since 1970
 * @param cosigner a second authority, for `rotate`, and for `admit` of a lost person
 */
export const writeEntry = (
  state: DirectoryState,
  body: EntryBody,
  time: number,
  signer: Ed25519KeyPair,
  cosigner?: Ed25519KeyPair,
): Bytes => signEntry(draftEntry(state, body, time, signer.publicKey, cosigner?.publicKey), signer, cosigner);

/**
 * The signature by which the holder of the recovery key shows that the key is at hand, for `genesis` and `rotate`. It is
 * the same for each use of the key, so the key can stay offline when only authorities change.
 */
export const proveRecoveryKey = (org: string, recovery: Ed25519KeyPair): Bytes =>
  signEd25519(recovery.seed, recoveryProofMessage(org, recovery.publicKey));

/** The body of `genesis` or `rotate`. @param recoveryProof of {@link proveRecoveryKey} */
export const orgKeysBody = (op: 'genesis' | 'rotate', keys: OrgKeys, recoveryProof: Bytes): EntryBody => ({
  op,
  authorities: keys.authorities.toSorted(compareBytes),
  recovery: keys.recovery,
  recoveryProof,
});

/** The body of a checkpoint that follows this state. */
export const checkpointBody = (state: DirectoryState): EntryBody => ({ op: 'checkpoint', ...checkpointOf(state) });
