/**
 * Signs a GetCallerIdentity request (docs/workload-identity.md, section 5) with Signature Version 4. Source: AWS IAM user
 * guide, "Create a signed AWS API request". The AWS SDK signs more kinds of requests than this client has.
 */
import {
  callerIdentityBody,
  callerIdentityContentType,
  loginAudience,
  partitionOf,
  serverIdHeader,
  signedHeaders,
  stsHostOf,
} from '../../../contract/logins/aws-requests.ts';
import type { LogInWithAwsRequest } from '../../../contract/logins/wire.ts';
import type { AwsCredentials, LoginTarget } from '../shared/identity-types.ts';
import { identityError } from './platform-tokens.ts';

const encoder = new TextEncoder();

const toHex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');

const sha256 = async (text: string): Promise<string> =>
  toHex(await globalThis.crypto.subtle.digest('SHA-256', encoder.encode(text)));

async function hmac(key: BufferSource, text: string): Promise<ArrayBuffer> {
  const { subtle } = globalThis.crypto;
  const imported = await subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return await subtle.sign('HMAC', imported, encoder.encode(text));
}

/** @throws AnimaError identity_unavailable for a region without an endpoint */
export async function signCallerIdentity(
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
  { org, id }: LoginTarget,
  vaultUrl: string,
  region: string,
  now = new Date(),
): Promise<LogInWithAwsRequest> {
  const host = stsHostOf(region, partitionOf(region));
  if (host === undefined) throw identityError('the AWS region is not one that the vault knows');
  const audience = loginAudience(vaultUrl, org);
  const nonce = randomNonce();
  const date = now.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const values: Record<(typeof signedHeaders)[number], string> = {
    'content-type': callerIdentityContentType,
    host,
    'x-amz-date': date,
    'x-amz-security-token': sessionToken,
    [serverIdHeader]: `${audience}/${id}/${nonce}`,
  };
  const listed = signedHeaders.map((name) => `${name}:${values[name]}\n`).join('');
  const canonical = ['POST', '/', '', listed, signedHeaders.join(';'), await sha256(callerIdentityBody)].join('\n');
  const scope = [date.slice(0, 8), region, 'sts', 'aws4_request'];
  let key: ArrayBuffer = encoder.encode(`AWS4${secretAccessKey}`).buffer as ArrayBuffer;
  for (const part of scope) key = await hmac(key, part);
  const toSign = ['AWS4-HMAC-SHA256', date, scope.join('/'), await sha256(canonical)].join('\n');
  const signature = toHex(await hmac(key, toSign));
  return { org, login: id, audience, region, accessKeyId, securityToken: sessionToken, date, nonce, signature };
}

/** 32 characters of base64url: 24 random bytes. */
function randomNonce(): string {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(24));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}
