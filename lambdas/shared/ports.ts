/** What the rules need from the world. Stores implement these; the composition root joins the two. */

import type { PublicJwk } from '../../core/signing/jws.ts';

/** One version of a value as it is stored; `value` and `info` are sealed strings (docs/format.md, section 5). */
export interface StoredVersion {
  readonly version: number;
  readonly value: string;
  readonly info: string;
  readonly writeId: string;
}

/** A value as it is stored: its current version and the ones kept before it. */
export interface StoredValue extends StoredVersion {
  readonly name: string;
  /** Newest first; empty as well when the read left it out. */
  readonly history: readonly StoredVersion[];
  /** Seconds since 1970, for DynamoDB's sweeper only. */
  readonly ttl?: number | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly more: boolean;
}

/** Signs statements of the deployment. */
export interface Signer {
  /**
   * Signs a statement: JWS in compact form (docs/format.md, section 7).
   * @param typ which kind of statement it is
   * @throws VaultError `unavailable`
   */
  sign(payload: object, typ: string): Promise<string>;
}

/** The public keys by which statements are verified. */
export interface PublicKeySource {
  /** @throws VaultError `unavailable` */
  list(): Promise<readonly PublicJwk[]>;
}

/** The time, as a port: rules that use it can be tested at any time. */
export type Clock = () => Date;
