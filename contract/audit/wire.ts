/** JSON of the routes of the audit. */
import type { RouteId } from '../routes.ts';
import type { ErrorCode } from '../shared/error-codes.ts';
import type { AuditOnlyVerb, Verb } from '../shared/verbs.ts';

/** What a request left behind (docs/format.md, section 8). Names and ids, never values. */
export interface AuditRecord {
  /** Sorts by time. */
  id: string;
  time: string;
  org: string;
  /**
   * Id of the API key, the ARN of the operator, `link` for whoever proved to know the key of a link, `user:` and the id of the user, or
   * the name of the channel whose provider signed.
   */
  principal: string;
  /** `worker`: the handling of a message after its webhook has answered. */
  route: RouteId | 'worker';
  verb: Verb | AuditOnlyVerb;
  /** Name of the value, id of the key or blob, or prefix of the list that was asked for. */
  name?: string | undefined;
  /** Names of a batch, and those of them whose item failed: its value was neither disclosed nor stored. */
  names?: string[] | undefined;
  failed?: string[] | undefined;
  /** `ok`, or the code of the error. */
  result: 'ok' | ErrorCode;
  requestId: string;
  sourceIp: string;
  /** What the caller said of itself: headers `x-anima-agent`, `x-anima-run`, `x-anima-tool-call`. */
  agent?: string | undefined;
  run?: string | undefined;
  toolCall?: string | undefined;
}

export interface AuditQuery {
  /** RFC 3339 times: from, inclusive, to, exclusive. */
  from?: string | undefined;
  to?: string | undefined;
  principal?: string | undefined;
  /** Exact name, or all names below it when it ends in a slash. */
  name?: string | undefined;
  verb?: AuditRecord['verb'] | undefined;
  cursor?: string | undefined;
  limit?: number | undefined;
}

export interface QueryAuditResponse {
  /** Oldest first. */
  records: AuditRecord[];
  cursor?: string | undefined;
}

/** One page of an export: whole seals, each with the records it covers. */
export interface ExportAuditResponse {
  seals: {
    /** JWS in compact form (docs/format.md, section 8). */
    seal: string;
    records: AuditRecord[];
  }[];
  cursor?: string | undefined;
}

/** A JWK set (RFC 7517) of P-256 public keys. */
export interface PublicKeysResponse {
  keys: { kty: 'EC'; crv: 'P-256'; x: string; y: string; kid: string; use: 'sig'; alg: 'ES256' }[];
}
