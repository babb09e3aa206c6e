/** JSON types of the organization routes. */
import type { CreateKeyResponse } from '../api-keys/wire.ts';

export interface CreateOrgResponse {
  /** Opaque id of the organization. */
  org: string;
  createdAt: string;
  /** The first admin key. It is returned only once. */
  adminKey: CreateKeyResponse;
}

export type DekState = 'active' | 'draining' | 'retired';

/** `locked` while a shredding is pending; `shredded` permanently. */
export type OrgState = 'active' | 'locked' | 'shredded';

export interface OrgResponse {
  org: string;
  state: OrgState;
  createdAt: string;
  /** Version of the DEK that seals new values; 0 before the first value and after shredding. */
  activeVersion: number;
  deks: { version: number; state: DekState; createdAt: string }[];
}
