/**
 * The signature of a device's request: HTTP Message Signatures (RFC 9421) in one fixed form (docs/device-service.md,
 * section 1). Everything but this form is refused, so there is no general parser.
 */
import { type Bytes, equalBytes, fromBase64, toBase64, utf8Bytes } from '../encoding/bytes.ts';
import { portableSha256 } from '../hazmat/portable-hash.ts';
import { type DeviceKeys, signAsDevice, verifyDeviceSignature } from './device-keys.ts';
import { isDeviceId, isOpaqueIdText, type VaultScope } from './vault-scope.ts';

/** What is requested, as in the request line and the address. */
export interface SignedTarget {
  /** For example `POST`. */
  readonly method: string;
  /** Host in lower case, with the port if it is not the default one. */
  readonly authority: string;
  /** For example `/v1/device-vaults/v0v1v2v3v4v5v6v7/log`. */
  readonly path: string;
  /** Without `?`; empty if there is none. */
  readonly query: string;
}

/** The parts of a signature that name its signer. Nothing of it is verified yet. */
export interface ClaimedSignature {
  readonly scope: VaultScope;
  readonly device: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly signature: Bytes;
}

/** Headers of a request, with names in lower case. */
export type SignatureHeaders = Readonly<Record<'content-digest' | 'signature-input' | 'signature', string>>;

/** The covered components, in the one order that is accepted. */
export const signedComponents = '("@method" "@authority" "@path" "@query" "content-digest")';

const signatureParams = ({ scope, device, created }: Omit<ClaimedSignature, 'signature'>): string => {
  const keyId = [scope.org, scope.user, scope.vault, device].join('.');
  return `${signedComponents};created=${created};keyid="${keyId}";alg="ecdsa-p256-sha256";tag="anima-device-v1"`;
};

/** The header `Content-Digest` of a body. */
export const contentDigest = async (body: Uint8Array): Promise<string> =>
  `sha-256=:${toBase64(await portableSha256(body))}:`;

/**
 * The bytes that are signed (RFC 9421 section 2.5).
 * @param params the value of `Signature-Input` after the label
 * @param moreHeaders further headers that the signature covers, by their names in lower case
 */
export const signatureBaseOf = (
  { method, authority, path, query }: SignedTarget,
  digest: string,
  params: string,
  moreHeaders: Readonly<Record<string, string>> = {},
): Bytes =>
  utf8Bytes(
    [
      `"@method": ${method}`,
      `"@authority": ${authority}`,
      `"@path": ${path}`,
      `"@query": ?${query}`,
      `"content-digest": ${digest}`,
      ...Object.entries(moreHeaders).map(([name, value]) => `"${name}": ${value}`),
      `"@signature-params": ${params}`,
    ].join('\n'),
  );

/** The bytes that a device signs. */
export const requestSignatureBase = (
  target: SignedTarget,
  digest: string,
  signer: Omit<ClaimedSignature, 'signature'>,
): Bytes => signatureBaseOf(target, digest, signatureParams(signer));

const signatureForm = /^anima=:([A-Za-z0-9+/]{86}==):$/;

/** The headers of a signed request. */
export const toSignatureHeaders = (digest: string, params: string, signature: Uint8Array): SignatureHeaders => ({
  'content-digest': digest,
  'signature-input': `anima=${params}`,
  signature: `anima=:${toBase64(signature)}:`,
});

/** The 64 bytes of the header `Signature`; undefined for any other form. */
export function parseSignatureHeader(header: string | undefined): Bytes | undefined {
  const signature = fromBase64(signatureForm.exec(header ?? '')?.[1] ?? '');
  return signature?.length === 64 ? signature : undefined;
}

/** Whether the header is the digest of the body. */
export async function isContentDigest(header: string | undefined, body: Uint8Array): Promise<boolean> {
  return header !== undefined && equalBytes(utf8Bytes(header), utf8Bytes(await contentDigest(body)));
}

/**
 * Signs a request.
 * @param body the bytes that are sent; empty if there is no body
 * @param created seconds since 1970, by the clock of the service
 * @returns the headers to send
 */
export async function signDeviceRequest(
  keys: DeviceKeys,
  scope: VaultScope,
  target: SignedTarget,
  body: Uint8Array,
  created: number,
): Promise<SignatureHeaders> {
  const signer = { scope, device: keys.id, created };
  const digest = await contentDigest(body);
  const signature = await signAsDevice(keys, requestSignatureBase(target, digest, signer));
  return toSignatureHeaders(digest, signatureParams(signer), signature);
}

const inputForm = /;created=(0|[1-9]\d{0,11});keyid="([^."]+)\.([^."]+)\.([^."]+)\.([^."]+)";/;

/** Reads who claims to have signed a request. Returns undefined for any other form than the documented one. */
export function parseRequestSignature(
  headers: Readonly<Record<string, string | undefined>>,
): ClaimedSignature | undefined {
  const input = headers['signature-input'] ?? '';
  const [, created = '', org = '', user = '', vault = '', device = ''] = inputForm.exec(input) ?? [];
  const signature = parseSignatureHeader(headers.signature);
  if (![org, user, vault].every(isOpaqueIdText) || !isDeviceId(device)) return undefined;
  const claimed = { scope: { org, user, vault }, device, created: Number(created) };
  // Written again, so that every other order, parameter or white space is refused.
  if (input !== `anima=${signatureParams(claimed)}` || signature === undefined) return undefined;
  return { ...claimed, signature };
}

/**
 * Whether the holder of the ECDSA key signed this request with this body.
 * @param ecdsa key of the member that the signature names
 */
export async function verifyDeviceRequest(
  ecdsa: Uint8Array,
  target: SignedTarget,
  body: Uint8Array,
  digestHeader: string | undefined,
  { signature, ...signer }: ClaimedSignature,
): Promise<boolean> {
  if (digestHeader === undefined || !(await isContentDigest(digestHeader, body))) return false;
  return await verifyDeviceSignature(ecdsa, requestSignatureBase(target, digestHeader, signer), signature);
}
