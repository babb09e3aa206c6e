/**
 * Verifies AWS Signature Version 4 by signing the request again with the signer of the AWS SDK. Presigned queries are
 * supported only for S3, which has separate rules (s3/request-authentication.ts).
 * Source: IAM user guide, "Signature Version 4 for API requests".
 */
import { createHash, createHmac, type Hash, type Hmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import { account } from '../shared/aws-account.ts';
import type { CredentialStore, Credentials, IssuedCredentials, Principal } from './credential-store.ts';

const maxSkewMs = 5 * 60_000;
const contentHashHeader = 'x-amz-content-sha256';

export interface SignedRequest {
  readonly method: string;
  /** As sent, percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export type SignatureVerdict =
  | { readonly ok: true; readonly principal: Principal; readonly accessKeyId: string }
  | { readonly ok: false; readonly type: SignatureErrorType; readonly message: string };

type SignatureErrorType =
  | 'MissingAuthenticationTokenException'
  | 'IncompleteSignatureException'
  | 'InvalidSignatureException'
  | 'UnrecognizedClientException'
  | 'ExpiredTokenException';

export const authorizationPattern =
  /^AWS4-HMAC-SHA256 Credential=(?<accessKeyId>[^/,\s]+)\/(?<date>\d{8})\/(?<region>[^/,\s]+)\/(?<service>[^/,\s]+)\/aws4_request,\s*SignedHeaders=(?<signedHeaders>[^,\s]+),\s*Signature=(?<signature>[0-9a-f]{64})$/;

/** Verifies that credentials of this process signed the complete request for `service`, recently. */
export async function verifySignature(
  request: SignedRequest,
  service: string,
  credentials: CredentialStore,
  now = new Date(),
): Promise<SignatureVerdict> {
  const { authorization } = request.headers;
  if (authorization === undefined)
    return invalidSignature('MissingAuthenticationTokenException', 'The request is not signed.');
  const fields = authorizationPattern.exec(authorization)?.groups;
  if (fields === undefined)
    return invalidSignature('IncompleteSignatureException', 'The Authorization header is malformed.');
  const { accessKeyId = '', date, region, signature = '', signedHeaders = '' } = fields;

  const caller = credentials.find(accessKeyId);
  if (caller === undefined || request.headers['x-amz-security-token'] !== caller.sessionToken) {
    return invalidSignature('UnrecognizedClientException', 'The security token is invalid.');
  }
  if (hasExpired(caller, now)) return invalidSignature('ExpiredTokenException', 'The security token has expired.');
  const signingDate = readAmzDate(request.headers['x-amz-date']);
  if (signingDate === undefined || request.headers['x-amz-date']?.slice(0, 8) !== date) {
    return invalidSignature(
      'IncompleteSignatureException',
      'The request date is missing or differs from the date of the credential scope.',
    );
  }
  if (Math.abs(now.getTime() - signingDate.getTime()) > maxSkewMs) {
    return invalidSignature('InvalidSignatureException', 'The signature is expired or not yet current.');
  }
  if (region !== account.region || fields.service !== service) {
    return invalidSignature(
      'InvalidSignatureException',
      `Credential should be scoped to ${account.region}/${service}.`,
    );
  }
  const names = new Set(signedHeaders.split(';'));
  const unsigned = Object.keys(request.headers).find((name) => mustBeSigned(name) && !names.has(name));
  if (unsigned !== undefined)
    return invalidSignature('InvalidSignatureException', `The header ${unsigned} is not signed.`);
  const bodyHash = createHash('sha256').update(request.body).digest('hex');
  if ((request.headers[contentHashHeader] ?? bodyHash) !== bodyHash) {
    return invalidSignature('InvalidSignatureException', 'The body does not match the signed hash.');
  }

  const expected = await computeSignature(request, service, caller, names, signingDate);
  return expected !== undefined && timingSafeEqual(Buffer.from(expected), Buffer.from(signature))
    ? { ok: true, principal: caller.principal, accessKeyId }
    : invalidSignature('InvalidSignatureException', 'The signature does not match the request.');
}

/** Signs a request of this process and returns the headers to send. */
export async function signRequest(
  request: {
    readonly method: string;
    readonly url: URL;
    readonly headers: Record<string, string>;
    readonly body: string;
  },
  service: string,
  credentials: Credentials,
): Promise<Record<string, string>> {
  const { method, url, headers, body } = request;
  const signed = await createSigner(service, credentials).sign({
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    headers: { ...headers, host: url.host },
    body,
  });
  return signed.headers;
}

async function computeSignature(
  request: SignedRequest,
  service: string,
  credentials: Credentials,
  signedHeaders: Set<string>,
  signingDate: Date,
): Promise<string | undefined> {
  const headers: Record<string, string> = {};
  for (const name of signedHeaders) {
    const value = request.headers[name];
    if (value === undefined) return undefined;
    headers[name] = Array.isArray(value) ? value.join(',') : value;
  }
  const query: Record<string, string[]> = {};
  for (const name of new Set(request.query.keys())) query[name] = request.query.getAll(name);
  const signed = await createSigner(service, credentials).sign(
    { method: request.method, protocol: 'http:', hostname: '', path: request.path, query, headers, body: request.body },
    { signingDate, signableHeaders: signedHeaders },
  );
  return signed.headers.authorization?.slice(-64);
}

/** Derives the signing key for a day, a region and a service. */
export const signingKey = (secretAccessKey: string, date: string, region: string, service: string): Buffer =>
  [date, region, service, 'aws4_request'].reduce(
    (key, text) => createHmac('sha256', key).update(text).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  );

const createSigner = (service: string, { accessKeyId, secretAccessKey }: Credentials) =>
  new SignatureV4({
    service,
    region: account.region,
    credentials: { accessKeyId, secretAccessKey },
    sha256: Sha256,
    // With the checksum header, the SDK would sign one more header. AWS does not require it, and it would change the
    // signature.
    applyChecksum: false,
  });

/** Adapts node:crypto to the hash interface of the signer. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', toBytes(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(toBytes(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error('A hash can be used only once.');
  }
}

function toBytes(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

// If X-Amz-Target were not signed, a relay could change the action.
const mustBeSigned = (name: string): boolean => name === 'host' || name.startsWith('x-amz-');

/** Parses a date in the format `20261121T061628Z`; undefined for any other value. */
export function readAmzDate(value: string | string[] | undefined): Date | undefined {
  const parts = typeof value === 'string' ? /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(value) : null;
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

export const hasExpired = ({ expiration }: IssuedCredentials, now: Date): boolean =>
  expiration !== undefined && expiration <= now;

const invalidSignature = (type: SignatureErrorType, message: string): SignatureVerdict => ({
  ok: false,
  type,
  message,
});
