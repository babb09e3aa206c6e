/** JSON types of the routes of requests for a secret (docs/secret-requests.md). */
import type { secretRequestStates } from './limits.ts';

export type SecretRequestState = (typeof secretRequestStates)[number];

export interface CreateSecretRequest {
  /** Name of the value. */
  name: string;
  /** Why the secret is needed, for the person who is asked: 1 to 200 characters. */
  why: string;
  /** Time until the link expires, seconds: 60 to 86400. Default: 3600. */
  expiresIn?: number | undefined;
  /** Replaces a value with that name, and all its versions. Needs the verb `values.write`. */
  replace?: true | undefined;
}

export interface CreatedSecretRequest {
  id: string;
  /** The link for the person. It is returned only once. */
  url: string;
  name: string;
  createdAt: string;
  expiresAt: string;
}

export interface SecretRequestStatus {
  id: string;
  name: string;
  state: SecretRequestState;
  createdAt: string;
  expiresAt: string;
  /** When the request was filled, denied or cancelled. */
  closedAt?: string | undefined;
}

/** Proof of knowing the secret of a link, for one operation: base64 of 32 bytes. */
export interface SecretLinkProof {
  proof: string;
}

/** What the page shows. */
export interface ShownSecretRequest {
  name: string;
  why: string;
  replace: boolean;
  /** Id of the API key that made the request. */
  requestedBy: string;
  createdAt: string;
  expiresAt: string;
}

export interface FillSecretRequest extends SecretLinkProof {
  /** The secret and its rules, sealed to the key in the link: base64. */
  sealed: string;
}

export interface FilledSecretRequest {
  filled: true;
}

export interface DeniedSecretRequest {
  denied: true;
}
