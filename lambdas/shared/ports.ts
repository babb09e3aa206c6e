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

/** The current version of a value, as the item of its name. Earlier versions are items of their own. */
export interface StoredValue extends StoredVersion {
  readonly name: string;
  /**
   * One byte per history slot, computed from the write ID of the version in it. It only shows which slots are worth
   * reading to recognize a repeated write.
   */
  readonly hints?: Uint8Array | undefined;
  /** Seconds since 1970; used only by DynamoDB's TTL deletion. */
  readonly ttl?: number | undefined;
}

/** An item that does not have the documented form. It can be replaced and deleted, but not read. */
export interface MalformedItem {
  readonly malformed: true;
  /** The attributes as they were read. Only stores use them, for the condition that the item has not changed. */
  readonly attributes: unknown;
}

/** What a read returns for a stored version. */
export type ReadVersion = StoredVersion | MalformedItem;

/** A history slot that holds an item (core/values/history-slots.ts). */
export interface ReadSlot {
  readonly slot: number;
  readonly content: ReadVersion;
}

/** What a read returns for the item of a name. */
export type ReadValue = StoredValue | MalformedItem;

export const isMalformed = <T extends object>(read: T | MalformedItem): read is MalformedItem => 'malformed' in read;

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
