/** What a signing scheme needs: the values that it uses, where they go, and the headers that it sets. */
import type {
  AwsAuth,
  ClientCredentialsAuth,
  FetchAuth,
  HmacAuth,
  JwtAuth,
  RefreshTokenAuth,
  TotpAuth,
} from '../../contract/broker/wire.ts';
import { InvalidReferenceError, parseReference, type Reference } from '../references/secret-references.ts';
import { UseRefusal } from '../refusals/use-refusal.ts';
import { type PlaceholderText, type PlaceholderUse, parsePlaceholderText } from '../requests/request-placeholders.ts';
import { awsSignatureHeaders } from './aws-signature.ts';
import { webhookHeaders } from './webhook-signatures.ts';

/** Schemes that sign the request itself. */
export type RequestSigning = HmacAuth | AwsAuth | TotpAuth;
/** Schemes that get an access token from a token endpoint first. */
export type TokenAuth = ClientCredentialsAuth | RefreshTokenAuth | JwtAuth;

export type SignedAuth = RequestSigning | TokenAuth;

export const isTokenAuth = (auth: FetchAuth): auth is TokenAuth =>
  auth.type === 'oauth2-client-credentials' || auth.type === 'oauth2-refresh-token' || auth.type === 'jwt-assertion';

export interface AuthPlan {
  /** All values of the scheme. They must be allowed in the place `auth`. */
  readonly uses: readonly PlaceholderUse[];
  /** Lower-case names of headers that the scheme sets. */
  readonly headers: readonly string[];
  /** The token endpoint, unless a value names it. */
  readonly tokenUrl: URL | undefined;
}

/** @throws UseRefusal invalid_request */
export function planAuth(auth: SignedAuth): AuthPlan {
  switch (auth.type) {
    case 'hmac':
      return { uses: useOf(auth.secret), headers: webhookHeaders[auth.scheme], tokenUrl: undefined };
    case 'aws-sigv4': {
      const keys = [auth.accessKeyId, auth.secretAccessKey, ...(auth.sessionToken ? [auth.sessionToken] : [])];
      return { uses: keys.flatMap(useOf), headers: awsSignatureHeaders, tokenUrl: undefined };
    }
    case 'totp':
      return {
        uses: useOf(auth.secret),
        headers: auth.in === 'header' ? [auth.name.toLowerCase()] : [],
        tokenUrl: undefined,
      };
    case 'oauth2-client-credentials':
      return {
        uses: [...usesOfText(clientIdOf(auth)), ...useOf(auth.clientSecret)],
        headers: ['authorization'],
        tokenUrl: parseTokenUrl(auth.tokenUrl),
      };
    case 'oauth2-refresh-token': {
      if (referenceOf(auth.refreshToken).version !== undefined)
        throw new UseRefusal('refreshToken must not have a version, because the broker stores new ones');
      const secrets = [auth.refreshToken, ...(auth.clientSecret === undefined ? [] : [auth.clientSecret])];
      return {
        uses: [...usesOfText(clientIdOf(auth)), ...secrets.flatMap(useOf)],
        headers: ['authorization'],
        tokenUrl: parseTokenUrl(auth.tokenUrl),
      };
    }
    case 'jwt-assertion':
      return { uses: useOf(auth.serviceAccount), headers: ['authorization'], tokenUrl: undefined };
  }
}

/** The client ID, which may contain placeholders. */
export const clientIdOf = ({ clientId }: ClientCredentialsAuth | RefreshTokenAuth): PlaceholderText =>
  parsePlaceholderText('auth.clientId', clientId);

/** @throws UseRefusal invalid_request */
export function referenceOf(text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof InvalidReferenceError)
      throw new UseRefusal(`A reference in auth does not have the form anima://path: ${error.message}`);
    throw error;
  }
}

const useOf = (text: string): PlaceholderUse[] => [{ reference: referenceOf(text), part: 'auth' }];
const usesOfText = ({ places }: PlaceholderText): PlaceholderUse[] =>
  places.map(({ reference }) => ({ reference, part: 'auth' }));

/** @throws UseRefusal invalid_request */
export function parseTokenUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && url.username === '' && url.password === '' && url.hash === '';
  if (!isPlain || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new UseRefusal('The token URL must be an absolute https:// URL without user, password and fragment');
  return url;
}
