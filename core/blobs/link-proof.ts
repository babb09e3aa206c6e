/** Proofs of knowing the key of a link (docs/format.md, section 10). */
import { type Bytes, encodeFieldBytes, utf8Bytes } from '../encoding/bytes.ts';
import type { BlobId } from './blob-format.ts';
import { hkdfOfFragmentKey, sha256 } from './blob-key-derivation.ts';

/** The operation that a proof authorizes. */
export type LinkProofPurpose = 'open' | 'burn';

/** Computes the proof of knowing a fragment key, for one verb: 32 bytes (docs/format.md, section 10). */
export async function computeLinkProof(
  fragmentKey: Uint8Array,
  { org, id }: BlobId,
  verb: LinkProofPurpose,
): Promise<Bytes> {
  const proofKey = await hkdfOfFragmentKey(
    fragmentKey,
    new Uint8Array(0),
    encodeFieldBytes('anima:blob:v1:proof', org, id),
    32,
  );
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', proofKey, hmac, false, ['sign']);
  proofKey.fill(0);
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8Bytes(verb)));
}

/** The verifier of a proof, which the service stores: its SHA-256. */
export const verifierOf = (proof: Uint8Array): Promise<Bytes> => sha256(proof);
