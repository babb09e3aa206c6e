/** Ports of workload identity. */
import type { IssuerKey, LoginInfo } from '../../contract/logins/wire.ts';
import type { LoginRecord } from '../../core/logins/login-record.ts';
import type { Page } from '../shared/ports.ts';

/** A login whose record was verified. */
export type Login = LoginInfo;

/** A stored login, unverified. */
export interface StoredLogin {
  readonly id: string;
  /** Undefined for an item that does not have the documented form. */
  readonly record: LoginRecord | undefined;
}

export interface LoginStore {
  /** Stores a login under its new id. Repeating the call changes nothing. */
  create(org: string, id: string, record: LoginRecord): Promise<void>;
  get(org: string, id: string): Promise<StoredLogin | undefined>;
  /** Logins after an id, ascending. */
  list(org: string, after: string | undefined, limit: number): Promise<Page<StoredLogin>>;
  /** Returns whether there was such a login. */
  delete(org: string, id: string): Promise<boolean>;
}

/** Remembers tokens and signed requests that work once. */
export interface UsedIdentityStore {
  /**
   * Marks an identity as used. Returns false if another request has used it.
   * @param id hash of the token id or signature
   * @param by drawn by this request, so that its own retry succeeds
   * @param until RFC 3339 time after which the identity is refused for its age
   */
  claim(org: string, id: string, by: string, until: string): Promise<boolean>;
}

/** The current public keys of an issuer. */
export interface IssuerKeySource {
  /**
   * Fetches the keys that the issuer's discovery document names (OpenID Connect Discovery 1.0, section 4). Returns
   * undefined if the issuer does not answer with its keys.
   */
  fetchKeys(issuer: string): Promise<readonly IssuerKey[] | undefined>;
}

/** A GetCallerIdentity request that is ready to be sent. */
export interface CallerIdentityRequest {
  /** Host of the endpoint of STS: one of the list in contract/logins/aws-requests.ts. */
  readonly host: string;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface SecurityTokenService {
  /**
   * Sends the request and returns the body of a 200 response; undefined if STS refused it.
   * @throws VaultError `unavailable` if there was no usable response
   */
  getCallerIdentity(request: CallerIdentityRequest): Promise<string | undefined>;
}
