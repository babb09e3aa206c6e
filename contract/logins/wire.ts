/** JSON types of the routes of workload identity (docs/workload-identity.md). */

import type { KeyRestrictions } from '../api-keys/wire.ts';
import type { Role } from '../shared/roles.ts';
import type { TokenAlgorithm } from './algorithms.ts';

/** A public key of an issuer (RFC 7517). It has no private members. */
export interface IssuerKey {
  kty: 'RSA' | 'EC' | 'OKP';
  kid: string;
  alg?: string | undefined;
  use?: 'sig' | undefined;
  crv?: string | undefined;
  x?: string | undefined;
  y?: string | undefined;
  n?: string | undefined;
  e?: string | undefined;
}

/** Which OpenID Connect tokens a login accepts. */
export interface OidcIdentity {
  /** The claim `iss`, exactly. */
  issuer: string;
  /** Claims that a token must have, with exactly these values. A name that begins with `/` is a JSON pointer. */
  claims: Record<string, string>;
  /** Signature algorithms. Default: RS256, and for issuers that the vault does not know also ES256. */
  algorithms?: TokenAlgorithm[] | undefined;
  /** Whether each token works once. It then needs the claim `jti`. Default: true for GitHub. */
  singleUse?: boolean | undefined;
  /** Keys of the issuer, for an issuer that the vault cannot reach. Default: they are fetched from the issuer. */
  keys?: IssuerKey[] | undefined;
}

/** Which AWS role a login accepts. */
export interface AwsIdentity {
  /** Account of the role, 12 digits. */
  account: string;
  /** Unique id of the role: `AROA…`. A role that is deleted and created again has another one. */
  roleId: string;
  /** Default: `aws`. */
  partition?: 'aws' | 'aws-cn' | 'aws-us-gov' | undefined;
}

export interface CreateLoginRequest extends KeyRestrictions {
  /** Role of the keys that the login gives. */
  role: Role;
  /** Label for people. */
  name?: string | undefined;
  /** Exactly one of `oidc` and `aws`. */
  oidc?: OidcIdentity | undefined;
  aws?: AwsIdentity | undefined;
  /** Lifetime of a key, seconds. Default: 15 minutes; maximum: one hour. */
  keySeconds?: number | undefined;
}

export interface LoginInfo extends CreateLoginRequest {
  id: string;
  keySeconds: number;
  createdAt: string;
  /** Id of the API key that created it. */
  createdBy: string;
}

export interface ListLoginsResponse {
  logins: LoginInfo[];
  /** Ids of stored records that the vault did not write or that were altered. Such logins are refused. */
  damaged?: string[] | undefined;
  cursor?: string | undefined;
}

export interface DeleteLoginResponse {
  id: string;
  /** RFC 3339. Keys that the login gave end at this time, in each process of the vault within five minutes of it. */
  endedAt: string;
}

export interface LogInWithOidcRequest {
  org: string;
  login: string;
  /** The token of the issuer: a JWS in compact form. */
  token: string;
}

/** The parts of a signed GetCallerIdentity request that differ between requests. */
export interface LogInWithAwsRequest {
  org: string;
  login: string;
  /** Origin of the vault's URL, a slash, and the organization. It is part of the signed server id. */
  audience: string;
  /** Region of the endpoint of STS for which the request is signed. */
  region: string;
  accessKeyId: string;
  securityToken: string;
  /** `X-Amz-Date`: `20260601T120000Z`. */
  date: string;
  /** Chosen by the client: 22 to 64 characters of base64url. */
  nonce: string;
  /** Signature in hexadecimal. */
  signature: string;
}

/** The key that a login gave. */
export interface WorkloadLoginResponse {
  /** Id of the key. */
  id: string;
  key: string;
  role: Role;
  expiresAt: string;
}
