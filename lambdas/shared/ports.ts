/** Types and ports shared by several services. Stores implement the ports; compose/ connects them. */

import type { PublicJwk } from '../../core/signing/jws.ts';

/**
 * A stored version of a value. `value` and `info` are sealed strings that are bound to the other three fields
 * (docs/format.md, section 4).
 */
export interface StoredVersion {
  /** Drawn with the first version of a name. Distinguishes the value from earlier values of the same name. */
  readonly life: string;
  readonly version: number;
  readonly writeId: string;
  readonly value: string;
  readonly info: string;
}

/** A stored value: its current version and the earlier versions that are kept. */
export interface StoredValue extends StoredVersion {
  readonly name: string;
  /** Newest first; also empty if the read omitted it. */
  readonly history: readonly StoredVersion[];
  /** Seconds since 1970; used only by DynamoDB's TTL deletion. */
  readonly ttl?: number | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly more: boolean;
}

/** Signs statements with the deployment's signing key. */
export interface Signer {
  /**
   * Signs a statement. Returns a JWS in compact form (docs/format.md, section 7).
   * @param typ type of the statement
   * @throws VaultError `unavailable`
   */
  sign(payload: object, typ: string): Promise<string>;
}

/** The public keys that verify statements. */
export interface PublicKeySource {
  /** @throws VaultError `unavailable` */
  list(): Promise<readonly PublicJwk[]>;
}

/** The current time. A port, so that tests can set it. */
export type Clock = () => Date;
