/** Pairing of a device: commitment, transcript and code (docs/format-devices.md, section 10). */

import { type Bytes, concatBytes, encodeFieldBytes, equalBytes } from '../encoding/bytes.ts';
import { toBase32, toCodeGroups } from '../encoding/crockford-base32.ts';
import { portableSha256 } from '../hazmat/portable-hash.ts';
import {
  areMemberKeys,
  isOpaqueIdText,
  joinKeys,
  type MemberKeys,
  scopeFields,
  type VaultScope,
} from './vault-scope.ts';

export const pairingNonceLength = 32;
const codeBytes = 10;

/** The first message of the new device: it fixes keys and nonce before the other nonce is known. */
export async function pairingCommitment(nonce: Uint8Array, keys: MemberKeys): Promise<Bytes> {
  if (nonce.length !== pairingNonceLength) throw new RangeError('a pairing nonce must have 32 bytes');
  return await portableSha256(concatBytes(nonce, joinKeys(keys)));
}

/** Whether nonce and keys are those of the commitment, and the keys are usable. */
export const isCommittedReveal = async (
  commitment: Uint8Array,
  nonce: Uint8Array,
  keys: MemberKeys,
): Promise<boolean> =>
  nonce.length === pairingNonceLength &&
  areMemberKeys(keys) &&
  equalBytes(await pairingCommitment(nonce, keys), commitment);

/** Everything that both devices must have seen alike. */
export interface PairingTranscript {
  readonly scope: VaultScope;
  readonly pairing: string;
  /** The device that joins. */
  readonly newKeys: MemberKeys;
  readonly newNonce: Uint8Array;
  /** The admin device that approves. */
  readonly approverKeys: MemberKeys;
  readonly approverNonce: Uint8Array;
  /** Hash of the head of the chain at the approver. */
  readonly head: Uint8Array;
}

/** The hash of the transcript. The entry `add` contains it. @throws RangeError for a malformed part */
export async function pairingTranscriptHash(transcript: PairingTranscript): Promise<Bytes> {
  const { scope, pairing, newKeys, newNonce, approverKeys, approverNonce, head } = transcript;
  const nonces = [newNonce, approverNonce, head];
  if (!isOpaqueIdText(pairing) || nonces.some((nonce) => nonce.length !== pairingNonceLength))
    throw new RangeError('not a pairing');
  const newFields = [joinKeys(newKeys), newNonce] as const;
  const approverFields = [joinKeys(approverKeys), approverNonce] as const;
  return await portableSha256(
    encodeFieldBytes('anima:pairing:v1', ...scopeFields(scope), pairing, ...newFields, ...approverFields, head),
  );
}

/** The code that both screens show: `XXXX-XXXX-XXXX-XXXX`. @param hash hash of the transcript */
export const pairingCode = (hash: Uint8Array): string => toCodeGroups(toBase32(hash.subarray(0, codeBytes)));
