/** JSON of the routes of shredding. */
import type { OrgState } from '../orgs/wire.ts';

export interface ShredRequest {
  /** The id of the organization, to confirm. */
  confirm: string;
  /** Days to wait, in which the organization is locked and the shredding can be cancelled; 0 unless told. */
  waitDays?: number | undefined;
}

export interface ShredResponse {
  org: string;
  state: OrgState;
  /** While locked: when the waiting ends. */
  shredAt?: string | undefined;
  /** Once shredded: since when no request can use a DEK. */
  shreddedAt?: string | undefined;
  /** Whether no copy of the keyring existed when that was last looked at; false until a receipt says so. */
  final: boolean;
  /** Signed statements, oldest first: JWS in compact form (docs/format.md, section 7). */
  receipts: string[];
}

export interface DestroyValueRequest {
  /** The name of the value, to confirm. */
  confirm: string;
}

export interface DestroyValueResponse {
  /** False when there was nothing of that name. */
  destroyed: boolean;
  /** Signed statement, JWS in compact form (docs/format.md, section 7); present when destroyed. */
  receipt?: string | undefined;
}
