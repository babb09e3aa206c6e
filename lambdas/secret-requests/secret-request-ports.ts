/** Ports of requests for a secret (docs/secret-requests.md, section 7). */
import type { SecretRequestId } from '../../core/secret-requests/request-link.ts';
import type { SecretRequestPurpose } from '../../core/secret-requests/request-proof.ts';
import type { SecretRequestRecord } from '../../core/secret-requests/request-record.ts';
import type { StoredVersion } from '../shared/ports.ts';

/** A request whose record was verified. */
export interface SecretRequest {
  readonly id: string;
  readonly name: string;
  readonly why: string;
  readonly replace: boolean;
  /** Id of the API key. */
  readonly requestedBy: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  /** Base64 of the SHA-256 of each proof. */
  readonly verifiers: Readonly<Record<SecretRequestPurpose, string>>;
}

/** How a request was closed. */
export type ClosedState = 'filled' | 'denied' | 'cancelled';

/** A stored request, unverified. What is outside the record can only close a request or make it unusable. */
export interface StoredSecretRequest {
  /** Undefined for an item that does not have the documented form. */
  readonly record: SecretRequestRecord | undefined;
  /** Base64; undefined once the request is closed. */
  readonly share: string | undefined;
  readonly state: ClosedState | undefined;
  readonly closedAt: string | undefined;
  readonly claim: string | undefined;
  readonly claimedAt?: string | undefined;
}

/**
 * Who claims a request, and since when earlier claims are abandoned: the functions that made them have ended. A claim later
 * than `latest` is none of a function.
 */
export interface Claim {
  /** Hash of the answer that is being stored. */
  readonly claim: string;
  readonly now: string;
  readonly voidBefore: string;
  readonly latest: string;
}

export interface SecretRequestStore {
  /** Stores a request under its new id. Repeating the call changes nothing. @param ttl seconds since 1970 */
  create(request: SecretRequestId, record: SecretRequestRecord, share: string, ttl: number): Promise<void>;
  get(request: SecretRequestId): Promise<StoredSecretRequest | undefined>;
  /** The request and the keyring of its org, in one round trip. */
  getWithKeyring(request: SecretRequestId): Promise<{ stored: StoredSecretRequest | undefined; keyring: unknown }>;
  getKeyring(org: string): Promise<unknown>;
  /** Claims an open request. Returns false if it is closed, or if another answer claimed it, however long ago. */
  claim(request: SecretRequestId, claim: Claim): Promise<boolean>;
  /** Ends a claim without an answer. */
  release(request: SecretRequestId, claim: string): Promise<void>;
  /** Closes a request after its answer was stored, and deletes its share. */
  markFilled(request: SecretRequestId, claim: Claim): Promise<void>;
  /** Closes an open request that no answer claims, or with an abandoned claim. Returns false if it is not one. */
  close(request: SecretRequestId, state: 'denied' | 'cancelled', claim: Omit<Claim, 'claim'>): Promise<boolean>;
}

/** Values, as far as an answer needs them. Nothing of a value can be read with it. */
export interface RequestedValueStore {
  /** Whether a value that has not expired has the name. */
  isTaken(org: string, name: string, now: Date): Promise<boolean>;
  /**
   * Stores the first version of a value. Returns false and changes nothing if another write has stored a value with the
   * name.
   * @param replace stores it in any case
   */
  put(org: string, name: string, version: StoredVersion, replace: boolean, now: Date): Promise<boolean>;
}

/** The request key in KMS. */
export interface SecretRequestMacs {
  /** @throws VaultError `key_unavailable` */
  deriveMac(message: Uint8Array): Promise<Buffer>;
}
