/** JSON types of the audit routes. */
import type { UseMethod } from '../broker/usage-rules.ts';
import type { UpstreamClass } from '../broker/wire.ts';
import type { RouteId } from '../routes.ts';
import type { ErrorCode } from '../shared/error-codes.ts';
import type { AuditOnlyVerb, Verb } from '../shared/verbs.ts';

/** The audit record of a request (docs/format.md, section 8). Contains names and ids, never values. */
export interface AuditRecord {
  /** Time-ordered id. */
  id: string;
  time: string;
  org: string;
  /**
   * The caller: the id of the API key, the ARN of the operator, `link` for a caller who proved knowledge of the key of
   * a link, `user:` and the id of the user, `login:` and the id of the login that an identity used,
   * `request:` and the id of a request for a secret whose link the caller had, or the name of the channel whose provider signed the request.
   */
  principal: string;
  /** For a key that a login gave: id of the login, and the identity that logged in (docs/workload-identity.md). */
  login?: string | undefined;
  subject?: string | undefined;
  /** Name of the route, or `worker` when a queued message was processed after its webhook had responded. */
  route: RouteId | 'worker';
  verb: Verb | AuditOnlyVerb;
  /** Name of the value, id of the key or blob, or prefix of the requested list. */
  name?: string | undefined;
  /** Names of a batch, and the names whose item failed. The value of a failed item was neither disclosed nor stored. */
  names?: string[] | undefined;
  failed?: string[] | undefined;
  /** For uses of values: the host and the method of the request, and the class of the host's status. */
  host?: string | undefined;
  method?: UseMethod | undefined;
  upstream?: UpstreamClass | undefined;
  /** For uses that a person allows: id of the approval (docs/approvals.md, section 5). */
  approval?: string | undefined;
  /** In the record `started` of such a use, base64: what was asked, the signature of the broker, and the signed answer. */
  statement?: string | undefined;
  signature?: string | undefined;
  answer?: string | undefined;
  /** Names of tripwires among the values that the request read or used (docs/guide-admin.md). */
  tripwires?: string[] | undefined;
  /**
   * `ok`, or the error code. `started` before an effect that cannot be undone (routes.ts, irreversibleRoutes): a second
   * record with the same `requestId` has the result. Without it, the effect may have happened. `pending`: nothing was
   * sent, and a person is asked.
   */
  result: 'ok' | 'started' | 'pending' | ErrorCode;
  requestId: string;
  /** Address of the caller as the API saw it. For a link that was opened through the page, an address of CloudFront. */
  sourceIp: string;
  /** Address of the viewer, only if CloudFront reported it and proved that it sent the request. */
  viewerIp?: string | undefined;
  /** As stated by the caller: headers `x-anima-agent`, `x-anima-run`, `x-anima-tool-call`. */
  agent?: string | undefined;
  run?: string | undefined;
  toolCall?: string | undefined;
}

export interface AuditQuery {
  /** RFC 3339 times: `from` is inclusive, `to` is exclusive. */
  from?: string | undefined;
  to?: string | undefined;
  principal?: string | undefined;
  /** An exact name. If it ends in a slash: all names below it. */
  name?: string | undefined;
  verb?: AuditRecord['verb'] | undefined;
  cursor?: string | undefined;
  limit?: number | undefined;
}

export interface QueryAuditResponse {
  /** Oldest first. */
  records: AuditRecord[];
  /**
   * IDs of stored items in the time range that are no records: somebody else wrote or altered them. They are listed
   * whatever the other filters are.
   */
  damaged?: string[] | undefined;
  cursor?: string | undefined;
}

/** One page of an export: complete seals, each with the records that it covers. */
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
