/** Proofs of knowing the secret of a link (docs/secret-requests.md, section 4). */
import { type Bytes, encodeFieldBytes, utf8Bytes } from '../encoding/bytes.ts';
import { portableHkdfSha256, portableHmacSha256, portableSha256 } from '../hazmat/portable-hash.ts';
import type { SecretRequestId } from './request-link.ts';

/** The operation that a proof authorizes. */
export type SecretRequestPurpose = 'look' | 'fill' | 'deny';

/** The proof for one operation: 32 bytes. @param secret of the link */
export async function computeSecretRequestProof(
  secret: Uint8Array,
  { org, id }: SecretRequestId,
  purpose: SecretRequestPurpose,
): Promise<Bytes> {
  const info = encodeFieldBytes('anima:secret-request:v1:proof', org, id);
  const key = await portableHkdfSha256(secret, new Uint8Array(0), info, 32);
  const proof = await portableHmacSha256(key, utf8Bytes(purpose));
  key.fill(0);
  return proof;
}

/** The verifier of a proof, which the service stores: its SHA-256. */
export const secretRequestVerifier = (proof: Uint8Array): Promise<Bytes> => portableSha256(proof);
