/**
 * The signature of a request of session custody (docs/format-directory.md, section 10): the form of device vaults with
 * Ed25519.
 */

import {
  contentDigest,
  isContentDigest,
  parseSignatureHeader,
  type SignatureHeaders,
  type SignedTarget,
  signatureBaseOf,
  signedComponents,
  toSignatureHeaders,
} from '../devices/request-signature.ts';
import type { Bytes } from '../encoding/bytes.ts';
import { type Ed25519KeyPair, signEd25519, verifyEd25519 } from '../hazmat/ed25519.ts';
import { isHashId, isOpaqueName } from './directory-ids.ts';

/** Who signs a request. */
export interface RequestSigner {
  readonly org: string;
  readonly device: string;
  /** Seconds since 1970. */
  readonly created: number;
  /** The header `Anima-Certificate` of a member of a fleet: its signed certificate in base64. */
  readonly certificate?: string | undefined;
}

/** Who claims to have signed a request. Nothing of it is verified yet. */
export interface ClaimedRequest extends RequestSigner {
  readonly signature: Bytes;
}

const certificateHeader = 'anima-certificate';

/** The covered components. The certificate is one of them, so that nobody can replace it. */
const componentsOf = (certificate: string | undefined): string =>
  certificate === undefined ? signedComponents : signedComponents.replace(')', ` "${certificateHeader}")`);

const paramsOf = ({ org, device, created, certificate }: RequestSigner): string =>
  `${componentsOf(certificate)};created=${created};keyid="${org}.${device}";alg="ed25519";tag="anima-session-v1"`;

const baseOf = (target: SignedTarget, digest: string, signer: RequestSigner): Bytes => {
  const { certificate } = signer;
  const more = certificate === undefined ? {} : { [certificateHeader]: certificate };
  return signatureBaseOf(target, digest, paramsOf(signer), more);
};

/** The headers of a signed request. Only a member of a fleet sends a certificate. */
export type SessionRequestHeaders = SignatureHeaders & { readonly 'anima-certificate'?: string };

/**
 * Signs a request.
 * @param body the bytes that are sent; empty if there is no body
 * @returns the headers to send
 */
export async function signSessionRequest(
  ik: Ed25519KeyPair,
  signer: RequestSigner,
  target: SignedTarget,
  body: Uint8Array,
): Promise<SessionRequestHeaders> {
  const digest = await contentDigest(body);
  const { certificate } = signer;
  const signature = signEd25519(ik.seed, baseOf(target, digest, signer));
  const headers = toSignatureHeaders(digest, paramsOf(signer), signature);
  return certificate === undefined ? headers : { ...headers, [certificateHeader]: certificate };
}

const inputForm = /;created=(0|[1-9]\d{0,11});keyid="([^."]+)\.([^."]+)";/;

/** Reads who claims to have signed a request. Returns undefined for any other form than the documented one. */
export function parseSessionRequest(headers: Readonly<Record<string, string | undefined>>): ClaimedRequest | undefined {
  const input = headers['signature-input'] ?? '';
  const [, created = '', org = '', device = ''] = inputForm.exec(input) ?? [];
  const signature = parseSignatureHeader(headers.signature);
  if (!isOpaqueName(org) || !isHashId(device) || signature === undefined) return undefined;
  const certificate = headers[certificateHeader];
  const signer = { org, device, created: Number(created), ...(certificate === undefined ? {} : { certificate }) };
  // Written again, so that every other order, parameter or white space is refused.
  return input === `anima=${paramsOf(signer)}` ? { ...signer, signature } : undefined;
}

/** Whether the holder of the key signed this request with this body. @param ik of the device that the request names */
export async function verifySessionRequest(
  ik: Uint8Array,
  target: SignedTarget,
  body: Uint8Array,
  digestHeader: string | undefined,
  { signature, ...signer }: ClaimedRequest,
): Promise<boolean> {
  if (digestHeader === undefined || !(await isContentDigest(digestHeader, body))) return false;
  return verifyEd25519(ik, baseOf(target, digestHeader, signer), signature);
}
