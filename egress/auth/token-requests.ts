/** Requests to token endpoints and their responses (RFC 6749, RFC 7523). */
import { createPrivateKey, sign } from 'node:crypto';
import type { ClientCredentialsAuth, JwtAuth, RefreshTokenAuth } from '../../contract/broker/wire.ts';
import { referenceKey } from '../references/secret-references.ts';
import { UseRefusal } from '../refusals/use-refusal.ts';
import { fillPlaceholders, type ValuesByReference } from '../requests/request-placeholders.ts';
import { clientIdOf, parseTokenUrl, referenceOf, type TokenAuth } from './auth-plan.ts';
import type { SignedRequest } from './sign-request.ts';

/** The token request of a scheme. @throws UseRefusal */
export function tokenRequest(auth: TokenAuth, values: ValuesByReference, now: Date): SignedRequest {
  return auth.type === 'jwt-assertion' ? assertionRequest(auth, values, now) : clientRequest(auth, values);
}

const readReference = (values: ValuesByReference, text: string): string =>
  values.get(referenceKey(referenceOf(text))) ?? '';

function clientRequest(auth: ClientCredentialsAuth | RefreshTokenAuth, values: ValuesByReference): SignedRequest {
  const id = fillPlaceholders(clientIdOf(auth), values);
  const secret = auth.clientSecret === undefined ? undefined : readReference(values, auth.clientSecret);
  const isBasic = secret !== undefined && auth.clientAuth !== 'body';
  const fields = new URLSearchParams(
    auth.type === 'oauth2-refresh-token'
      ? { grant_type: 'refresh_token', refresh_token: readReference(values, auth.refreshToken) }
      : { grant_type: 'client_credentials', ...(auth.scope === undefined ? {} : { scope: auth.scope }) },
  );
  if (!isBasic) {
    fields.set('client_id', id);
    if (secret !== undefined) fields.set('client_secret', secret);
  }
  // RFC 6749 section 2.3.1: both are form-encoded before they are joined.
  const pair = `${formEncode(id)}:${formEncode(secret ?? '')}`;
  const basic = isBasic ? `Basic ${Buffer.from(pair).toString('base64')}` : undefined;
  return formPost(parseTokenUrl(auth.tokenUrl), fields, basic, isBasic ? [pair] : []);
}

const formEncode = (text: string): string => new URLSearchParams({ x: text }).toString().slice(2);

function formPost(
  url: URL,
  fields: URLSearchParams,
  authorization: string | undefined,
  derived: string[],
): SignedRequest {
  const headers = new Map([
    ['content-type', 'application/x-www-form-urlencoded'],
    ['accept', 'application/json'],
    ...(authorization === undefined ? [] : ([['authorization', authorization]] as const)),
  ]);
  return { outgoing: { url, method: 'POST', headers, body: Buffer.from(fields.toString()) }, derived };
}

/** Lifetime of an assertion, seconds: the longest that Google accepts. */
const assertionSeconds = 3600;

function assertionRequest(auth: JwtAuth, values: ValuesByReference, now: Date): SignedRequest {
  const { email, keyId, privateKey, tokenUrl } = parseServiceAccount(readReference(values, auth.serviceAccount));
  const iat = Math.floor(now.getTime() / 1000);
  const header = { alg: 'RS256', typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) };
  const claims = {
    iss: email,
    scope: auth.scope,
    aud: tokenUrl.href,
    iat,
    exp: iat + assertionSeconds,
    ...(auth.subject === undefined ? {} : { sub: auth.subject }),
  };
  const content = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const assertion = `${content}.${signRs256(content, privateKey)}`;
  const fields = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion });
  // The key and the assertion are not values, so responses are searched for them in particular.
  return formPost(tokenUrl, fields, undefined, [assertion.slice(content.length + 1), ...pemLines(privateKey)]);
}

function signRs256(content: string, privateKey: string): string {
  try {
    return sign('RSA-SHA256', Buffer.from(content), createPrivateKey(privateKey)).toString('base64url');
  } catch {
    throw new UseRefusal('The private key of the service account cannot be used', 'value_unusable');
  }
}

/** The base64 of a PEM block without line ends, in pieces that a search can find. */
const pemLines = (pem: string): string[] => pem.split(/\r?\n/).filter((line) => /^[A-Za-z0-9+/=]{16,}$/.test(line));

interface ServiceAccount {
  readonly email: string;
  readonly keyId: string | undefined;
  readonly privateKey: string;
  readonly tokenUrl: URL;
}

/** The JSON key of a Google service account. @throws UseRefusal value_unusable; the message quotes nothing */
export function parseServiceAccount(text: string): ServiceAccount {
  const unusable = new UseRefusal('The value is not the JSON key of a service account', 'value_unusable');
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text) ?? {};
  } catch {
    throw unusable;
  }
  const { client_email: email, private_key_id: keyId, private_key: privateKey, token_uri: uri } = fields;
  if (typeof email !== 'string' || typeof privateKey !== 'string' || typeof uri !== 'string') throw unusable;
  if (!URL.canParse(uri)) throw unusable;
  return { email, keyId: typeof keyId === 'string' ? keyId : undefined, privateKey, tokenUrl: parseTokenUrl(uri) };
}
