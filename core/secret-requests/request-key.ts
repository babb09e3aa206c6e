/** The key to which a page seals a secret (docs/secret-requests.md, section 5). Only the service derives its private half. */
import { type Bytes, concatBytes, encodeFieldBytes } from '../encoding/bytes.ts';
import { encodeLengthPrefixedFields } from '../encoding/length-prefixed-fields.ts';
import { hkdfSha256 } from '../hazmat/hkdf-sha256.ts';
import { x25519PublicKey } from '../hazmat/x25519.ts';
import type { SecretRequestId } from './request-link.ts';

/** The message whose HMAC under the request key in KMS is one part of a private key. */
export const secretRequestMacInput = ({ org, id }: SecretRequestId): Buffer =>
  encodeLengthPrefixedFields('anima:secret-request:v1:kms', org, id);

/** The three parts of a private key: 32 bytes each. The caller zeroes them. */
export interface SecretRequestKeyParts {
  /** From KMS. */
  readonly mac: Uint8Array;
  /** Stored with the request until it is closed. */
  readonly share: Uint8Array;
  /** The proof for `fill`, from the holder of the link. */
  readonly proof: Uint8Array;
}

/** The private key of a request, 32 bytes, which the caller zeroes. @throws RangeError for parts of another length */
export function deriveSecretRequestKey(
  { org, id }: SecretRequestId,
  { mac, share, proof }: SecretRequestKeyParts,
): Bytes {
  if ([mac, share, proof].some(({ length }) => length !== 32)) throw new RangeError('a part of a key has 32 bytes');
  const input = concatBytes(mac, share, proof);
  const info = encodeFieldBytes('anima:secret-request:v1:key', org, id);
  const key = hkdfSha256(input, new Uint8Array(0), info, 32);
  input.fill(0);
  return key;
}

export const secretRequestPublicKey = (privateKey: Uint8Array): Bytes => x25519PublicKey(privateKey);

/** Identifies the write of the value, so that its repetition is recognized. */
export const secretRequestWriteMessage = ({ org, id }: SecretRequestId): Buffer =>
  encodeLengthPrefixedFields('anima:secret-request:v1:write', org, id);
