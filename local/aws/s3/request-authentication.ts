/**
 * Verifies the signature of an S3 request, in a header or in the query, with the checks of S3.
 * Sources: S3 API reference, "Authenticating Requests: Using the Authorization Header", "… Using Query Parameters" and
 * "Browser-Based Uploads Using POST".
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { CredentialStore, IssuedCredentials, Principal } from '../iam/credential-store.ts';
import { authorizationPattern, hasExpired, readAmzDate, signingKey } from '../iam/signature-v4.ts';
import { account } from '../shared/aws-account.ts';
import { S3Error, type S3ErrorCode } from './s3-errors.ts';

/** The values of the condition key `s3:authType`. */
export type AuthType = 'REST-HEADER' | 'REST-QUERY-STRING' | 'POST';

export interface Signer {
  readonly principal: Principal;
  readonly authType: AuthType;
  /** The signed payload hash: SHA-256 of the body in hex, `UNSIGNED-PAYLOAD` or `STREAMING-…`. */
  readonly payload: string;
}

export interface SignedMessage {
  readonly method: string;
  /** As sent, percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** The parts of a signature, from the header or the query. */
interface SignatureClaim {
  readonly accessKeyId: string;
  /** `YYYYMMDD/region/service` of the credential. */
  readonly scope: readonly string[];
  readonly amzDate: string;
  readonly signature: string;
  readonly token: string | undefined;
}

const algorithm = 'AWS4-HMAC-SHA256';
const maxSkewMs = 15 * 60_000;
const maxExpiresSeconds = 604_800;
const unsignedPayload = 'UNSIGNED-PAYLOAD';
const contentHashHeader = 'x-amz-content-sha256';

/** @throws S3Error if S3 would reject the signature */
export function authenticate(message: SignedMessage, credentials: CredentialStore, now: Date): Signer {
  const byQuery = message.query.has('X-Amz-Algorithm') || message.query.has('X-Amz-Signature');
  const byHeader = message.headers.authorization !== undefined;
  if (byQuery && byHeader) throw new S3Error('InvalidArgument', 'Only one auth mechanism allowed');
  if (byQuery) return byPresignedQuery(message, credentials, now);
  if (byHeader) return byAuthorization(message, credentials, now);
  throw new S3Error('AccessDenied', 'Access Denied');
}

function byAuthorization(message: SignedMessage, credentials: CredentialStore, now: Date): Signer {
  const { headers } = message;
  const fields = authorizationPattern.exec(headers.authorization ?? '')?.groups;
  if (fields === undefined) {
    throw new S3Error('AuthorizationHeaderMalformed', 'The authorization header that you provided is not valid.');
  }
  const { accessKeyId = '', date = '', region = '', service = '', signature = '', signedHeaders = '' } = fields;
  const claim: SignatureClaim = {
    accessKeyId,
    scope: [date, region, service],
    amzDate: joinHeader(headers['x-amz-date']) ?? '',
    signature,
    token: joinHeader(headers['x-amz-security-token']),
  };
  const { caller, signedAt } = checkClaim(claim, 'AuthorizationHeaderMalformed', credentials, now);
  if (Math.abs(now.getTime() - signedAt.getTime()) > maxSkewMs) {
    throw new S3Error(
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
    );
  }
  const payload = joinHeader(headers[contentHashHeader]);
  if (payload === undefined) {
    throw new S3Error('InvalidRequest', `Missing required header for this request: ${contentHashHeader}`);
  }
  checkSignedRequest(message, signedHeaders, payload, claim, caller);
  return { principal: caller.principal, authType: 'REST-HEADER', payload };
}

const queryNames = [
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Signature',
  'X-Amz-Date',
  'X-Amz-SignedHeaders',
  'X-Amz-Expires',
];

function byPresignedQuery(message: SignedMessage, credentials: CredentialStore, now: Date): Signer {
  const { query, headers } = message;
  const malformed = (text: string) => new S3Error('AuthorizationQueryParametersError', text);
  for (const name of [...queryNames, 'X-Amz-Security-Token']) {
    const count = query.getAll(name).length;
    if (count > 1 || (count === 0 && name !== 'X-Amz-Security-Token')) {
      throw malformed(
        `Query-string authentication version 4 requires the ${queryNames.slice(0, -1).join(', ')}, and ` +
          `X-Amz-Expires parameters.`,
      );
    }
  }
  const get = (name: string): string => query.get(name) ?? '';
  if (get('X-Amz-Algorithm') !== algorithm) throw malformed(`X-Amz-Algorithm only supports "${algorithm}"`);
  const claim: SignatureClaim = {
    ...readCredential(get('X-Amz-Credential'), malformed),
    amzDate: get('X-Amz-Date'),
    signature: get('X-Amz-Signature'),
    token: query.get('X-Amz-Security-Token') ?? undefined,
  };
  const expires = /^\d{1,12}$/.test(get('X-Amz-Expires')) ? Number(get('X-Amz-Expires')) : Number.NaN;
  if (Number.isNaN(expires)) throw malformed('X-Amz-Expires should be a number');
  if (expires < 1) throw malformed('X-Amz-Expires must be non-negative');
  if (expires > maxExpiresSeconds) throw malformed('X-Amz-Expires must be less than a week (in seconds)');
  const { caller, signedAt } = checkClaim(claim, 'AuthorizationQueryParametersError', credentials, now);
  const payload = joinHeader(headers[contentHashHeader]) ?? query.get('X-Amz-Content-Sha256') ?? unsignedPayload;
  checkSignedRequest(message, get('X-Amz-SignedHeaders'), payload, claim, caller);
  if (signedAt.getTime() - maxSkewMs > now.getTime()) throw new S3Error('AccessDenied', 'Request is not yet valid');
  const end = new Date(signedAt.getTime() + expires * 1000);
  if (end < now) {
    throw new S3Error('AccessDenied', 'Request has expired', {
      'X-Amz-Expires': String(expires),
      Expires: end.toISOString(),
      ServerTime: now.toISOString(),
    });
  }
  return { principal: caller.principal, authType: 'REST-QUERY-STRING', payload };
}

/**
 * Verifies the signature of a form's policy and returns the signer. The content of the policy is not checked here.
 * @param field returns the value of a form field by its lower-case name
 * @throws S3Error
 */
export function authenticatePolicy(
  field: (name: string) => string | undefined,
  credentials: CredentialStore,
  now: Date,
): Signer {
  const policy = field('policy');
  if (policy === undefined) throw new S3Error('AccessDenied', 'Access Denied');
  const need = (name: string): string => {
    const value = field(name);
    if (value !== undefined) return value;
    throw new S3Error('InvalidArgument', `Bucket POST must contain a field named '${name}'.`, { ArgumentName: name });
  };
  const malformed = (text: string) => new S3Error('InvalidArgument', text);
  if (need('x-amz-algorithm') !== algorithm) throw malformed(`X-Amz-Algorithm only supports "${algorithm}"`);
  const claim: SignatureClaim = {
    ...readCredential(need('x-amz-credential'), malformed),
    amzDate: need('x-amz-date'),
    signature: need('x-amz-signature'),
    token: field('x-amz-security-token'),
  };
  const { caller } = checkClaim(claim, 'InvalidArgument', credentials, now);
  checkSignature(policy, claim, caller);
  return { principal: caller.principal, authType: 'POST', payload: unsignedPayload };
}

function readCredential(
  text: string,
  malformed: (text: string) => S3Error,
): Pick<SignatureClaim, 'accessKeyId' | 'scope'> {
  const [accessKeyId = '', ...scope] = text.split('/');
  if (scope.length !== 4 || scope.pop() !== 'aws4_request') {
    throw malformed(`The Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`);
  }
  return { accessKeyId, scope };
}

function checkClaim(
  { accessKeyId, scope, amzDate, token }: SignatureClaim,
  code: S3ErrorCode,
  credentials: CredentialStore,
  now: Date,
) {
  const [date, region, service] = scope;
  const signedAt = readAmzDate(amzDate);
  if (signedAt === undefined || date !== amzDate.slice(0, 8)) {
    throw new S3Error(code, 'The date of the request is missing, malformed, or not that of its credential.');
  }
  if (region !== account.region) {
    throw new S3Error(code, `the region '${region}' is wrong; expecting '${account.region}'`, {
      Region: account.region,
    });
  }
  if (service !== 's3') throw new S3Error(code, `incorrect service "${service}". This endpoint belongs to "s3".`);
  const caller = credentials.find(accessKeyId);
  if (caller === undefined) {
    throw new S3Error('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.');
  }
  if (token !== caller.sessionToken)
    throw new S3Error('InvalidToken', 'The provided token is malformed or otherwise invalid.');
  if (hasExpired(caller, now)) throw new S3Error('ExpiredToken', 'The provided token has expired.');
  return { caller, signedAt };
}

function checkSignedRequest(
  message: SignedMessage,
  signedHeaders: string,
  payload: string,
  claim: SignatureClaim,
  caller: IssuedCredentials,
): void {
  const names = signedHeaders.split(';');
  const unsigned = Object.keys(message.headers).filter((name) => mustBeSigned(name) && !names.includes(name));
  if (unsigned.length > 0) {
    throw new S3Error('AccessDenied', 'There were headers present in the request which were not signed', {
      HeadersNotSigned: unsigned.join(', '),
    });
  }
  const canonical = canonicalRequest(message, names, payload);
  const hash = createHash('sha256').update(canonical).digest('hex');
  checkSignature(
    [algorithm, claim.amzDate, [...claim.scope, 'aws4_request'].join('/'), hash].join('\n'),
    claim,
    caller,
  );
}

function checkSignature(
  text: string,
  { scope, signature }: SignatureClaim,
  { secretAccessKey }: IssuedCredentials,
): void {
  const [date = '', region = '', service = ''] = scope;
  const expected = createHmac('sha256', signingKey(secretAccessKey, date, region, service))
    .update(text)
    .digest();
  if (!/^[0-9a-f]{64}$/.test(signature) || !timingSafeEqual(expected, Buffer.from(signature, 'hex'))) {
    throw new S3Error(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    );
  }
}

/**
 * Implemented here because the SDK's signer cannot verify presigned requests. Tests compare the result with the SDK's
 * signer.
 */
function canonicalRequest({ method, path, query, headers }: SignedMessage, names: string[], payload: string): string {
  const parameters = [...query]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [uriEncode(name), uriEncode(value)] as const)
    .sort(([a, x], [b, y]) => compareText(a, b) || compareText(x, y));
  return [
    method,
    // S3 encodes the path once. All other services encode the encoded path again.
    path
      .split('/')
      .map((segment) => uriEncode(decodeURIComponent(segment)))
      .join('/'),
    parameters.map((pair) => pair.join('=')).join('&'),
    // If a signed header is missing, the text differs, so the signature does not match.
    ...names.map((name) => `${name}:${joinHeader(headers[name])?.trim().replaceAll(/ +/g, ' ') ?? ''}`),
    '',
    names.join(';'),
    payload,
  ].join('\n');
}

const mustBeSigned = (name: string): boolean => name === 'host' || name.startsWith('x-amz-');
const joinHeader = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(',') : value;
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const uriEncode = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
