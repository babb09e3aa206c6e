/**
 * Signed statements: JWS in compact form with ES256 (RFC 7515, RFC 7518 section 3.4; docs/format.md, section 7). KMS
 * creates the signature. Signing therefore has two steps: create the bytes to be signed, then assemble the JWS from
 * these bytes and the signature.
 */
import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import { canonicalJson } from '../encoding/canonical-json.ts';

/** A P-256 public key as a JWK (RFC 7517, RFC 7518 section 6.2.1), in the published form. */
export interface PublicJwk {
  readonly kty: 'EC';
  readonly crv: 'P-256';
  /** Coordinates, 32 bytes each, in base64url. */
  readonly x: string;
  readonly y: string;
  /** Its thumbprint: {@link jwkThumbprint}. */
  readonly kid: string;
  readonly use: 'sig';
  readonly alg: 'ES256';
}

const coordinateLength = 32;
const signatureLength = 2 * coordinateLength;

const base64url = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64url');

/**
 * Decodes base64url. Returns undefined for any spelling other than the canonical one, so that no change of a JWS goes
 * undetected.
 */
function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

/** The JWK thumbprint with SHA-256, base64url (RFC 7638): a key name that anyone can compute. */
export const jwkThumbprint = ({ crv, kty, x, y }: Pick<PublicJwk, 'crv' | 'kty' | 'x' | 'y'>): string =>
  hash('sha256', canonicalJson({ crv, kty, x, y }), 'base64url');

/**
 * Converts a public key from the form that KMS returns.
 * @param spki SubjectPublicKeyInfo in DER (RFC 5280 section 4.1)
 * @throws RangeError when the key is not a P-256 key
 */
export function publicJwkFromSpki(spki: Uint8Array): PublicJwk {
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  const { crv, x, y } = key.export({ format: 'jwk' });
  if (crv !== 'P-256' || x === undefined || y === undefined) throw new RangeError('the key is not a P-256 key');
  return { kty: 'EC', crv, x, y, kid: jwkThumbprint({ kty: 'EC', crv, x, y }), use: 'sig', alg: 'ES256' };
}

/**
 * The signing input (RFC 7515 section 5.1): header and payload, each as canonical JSON in base64url, joined by a dot.
 * @param typ the kind of statement, so that one kind is not accepted as another (RFC 8725 section 3.11)
 */
export const jwsSigningInput = (payload: object, typ: string, kid: string): string =>
  `${base64url(canonicalJson({ alg: 'ES256', kid, typ }))}.${base64url(canonicalJson(payload))}`;

/**
 * Assembles a JWS from its signing input and signature.
 * @param der signature as returned by KMS: `SEQUENCE { INTEGER r, INTEGER s }` (RFC 3279 section 2.2.3)
 * @throws RangeError when the signature does not have this form
 */
export const assembleCompactJws = (input: string, der: Uint8Array): string =>
  `${input}.${base64url(derToRawSignature(der))}`;

/** Converts a signature to r and s, 32 bytes each, as JWS requires (RFC 7518 section 3.4). */
function derToRawSignature(der: Uint8Array): Buffer {
  const bytes = Buffer.from(der);
  if (bytes[0] !== 0x30 || bytes[1] !== bytes.length - 2) throw notDerError();
  const raw = Buffer.alloc(signatureLength);
  let at = 2;
  for (const end of [coordinateLength, signatureLength]) {
    const length = bytes[at + 1] ?? 0;
    const integer = bytes.subarray(at + 2, at + 2 + length);
    if (bytes[at] !== 0x02 || length === 0 || integer.length !== length) throw notDerError();
    // DER adds a leading zero byte if the first bit is 1, because the integer would otherwise be negative. It has no
    // other leading zeros.
    const digits = integer[0] === 0 ? integer.subarray(1) : integer;
    if (digits.length > coordinateLength) throw notDerError();
    raw.set(digits, end - digits.length);
    at += 2 + length;
  }
  if (at !== bytes.length) throw notDerError();
  return raw;
}

const notDerError = () => new RangeError('the signature is not two integers in DER');

/**
 * Verifies a JWS offline and returns its payload. Returns undefined unless one of the keys signed it and it has that
 * type. Only JWS in the form of {@link jwsSigningInput} are accepted: no other algorithm and no other header member.
 */
export function verifyJws(jws: string, keys: readonly PublicJwk[], typ: string): unknown {
  const [header, payload, signature, ...rest] = jws.split('.');
  if (header === undefined || payload === undefined || signature === undefined || rest.length > 0) return undefined;
  const key = keys.find(({ kid }) => header === base64url(canonicalJson({ alg: 'ES256', kid, typ })));
  const content = decodeBase64url(payload);
  const raw = decodeBase64url(signature);
  if (key === undefined || content === undefined || raw?.length !== signatureLength) return undefined;
  const isValid = verify(
    'sha256',
    Buffer.from(`${header}.${payload}`),
    { key: importPublicJwk(key), dsaEncoding: 'ieee-p1363' },
    raw,
  );
  if (!isValid) return undefined;
  const parsed: unknown = JSON.parse(content.toString('utf8'));
  return parsed;
}

/**
 * The P-256 keys of a JWK set (RFC 7517). Each `kid` is computed as the thumbprint; the `kid` in the set is ignored.
 * Empty when the input is not a JWK set.
 */
export function parseJwkSet(set: unknown): PublicJwk[] {
  const list = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined;
  if (!Array.isArray(list)) return [];
  return list.flatMap((jwk: unknown) => {
    if (typeof jwk !== 'object' || jwk === null) return [];
    const { kty, crv, x, y }: Readonly<Record<string, unknown>> = { ...jwk };
    if (kty !== 'EC' || crv !== 'P-256' || typeof x !== 'string' || typeof y !== 'string') return [];
    return [{ kty, crv, x, y, kid: jwkThumbprint({ kty, crv, x, y }), use: 'sig', alg: 'ES256' } satisfies PublicJwk];
  });
}

function importPublicJwk({ kty, crv, x, y }: PublicJwk): KeyObject {
  return createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' });
}
