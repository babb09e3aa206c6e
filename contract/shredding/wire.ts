/** JSON types of the shredding routes. */
import type { OrgState } from '../orgs/wire.ts';

export interface ShredRequest {
  /** The id of the organization, as confirmation. */
  confirm: string;
  /** Waiting period in days, during which the organization is locked and the shredding can be cancelled. Default: 0. */
  waitDays?: number | undefined;
}

export interface ShredResponse {
  org: string;
  state: OrgState;
  /** RFC 3339; present while locked: the end of the waiting period. */
  shredAt?: string | undefined;
  /** RFC 3339; present once shredded: the time since which no request can use a DEK. */
  shreddedAt?: string | undefined;
  /** Whether the latest check found that no copy of the keyring exists; false until a receipt states it. */
  final: boolean;
  /** Signed statements, oldest first: JWS in compact form (docs/format.md, section 7). */
  receipts: string[];
}

export interface DestroyValueRequest {
  /** The name of the value, as confirmation. */
  confirm: string;
}

export interface DestroyValueResponse {
  /** False when no value had that name. */
  destroyed: boolean;
  /** Signed statement, JWS in compact form (docs/format.md, section 7); present when destroyed. */
  receipt?: string | undefined;
}
