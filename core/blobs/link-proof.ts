/** Proofs of the key of a link (docs/format.md, section 10). */
import { type Bytes, fieldBytes, textBytes } from '../encoding/bytes.ts';
import type { BlobId } from './blob-format.ts';
import { hkdf, sha256 } from './blob-key-derivation.ts';

/** What a proof is for. */
export type ProofVerb = 'open' | 'burn';

/** The proof of knowing a fragment key, for one verb: 32 bytes (docs/format.md, section 10). */
export async function proofOf(fragmentKey: Uint8Array, { org, id }: BlobId, verb: ProofVerb): Promise<Bytes> {
  const proofKey = await hkdf(fragmentKey, new Uint8Array(0), fieldBytes('anima:blob:v1:proof', org, id), 32);
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', proofKey, hmac, false, ['sign']);
  proofKey.fill(0);
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, textBytes(verb)));
}

/** What the service keeps of a proof: its SHA-256. */
export const verifierOf = (proof: Uint8Array): Promise<Bytes> => sha256(proof);
