import type { APIGatewayProxyEventV2, APIGatewayProxyEventV2WithIAMAuthorizer, Context } from 'aws-lambda';
import type { AuditRecord } from '../../contract/audit/wire.ts';
import type { UpstreamClass } from '../../contract/broker/wire.ts';
import type { RouteInput, RouteOutput } from '../../contract/route-schemas.ts';
import type { RouteId } from '../../contract/routes.ts';
import type { AuditSubject } from '../shared/audit-log.ts';
import type { RequestLogEntry } from './request-log.ts';

/** Events of the HTTP API, payload format 2.0. Routes with an IAM authorizer also have its result. */
export type ApiEvent = APIGatewayProxyEventV2 | APIGatewayProxyEventV2WithIAMAuthorizer;

/** The principal of a request in the audit. */
export interface AuditActor {
  readonly org: string;
  /** The ID of an API key, the ARN of the operator, `link`, `user:` and a user ID, `login:` and a login ID, `request:` and the ID of a request for a secret, or the name of a channel. */
  readonly principal: string;
  /** For a key that a login gave: id of the login, and the identity that logged in. */
  readonly login?: string;
  readonly subject?: string;
}

/** State of one request; the middleware fills it in. */
export interface RequestState<Id extends RouteId = RouteId> {
  readonly event: ApiEvent;
  /** The parsed request, or the parsing error, which only an authorized caller gets. */
  input?: RouteInput<Id> | Error;
  /** Set after authentication and before authorization, so that refusals are audited too. */
  actor?: AuditActor;
  /** Subject of the request, for routes whose path does not contain it or contains it together with a secret. */
  auditSubject?: string | readonly string[];
  /** Address of the viewer, if CloudFront proved that it sent the request. */
  viewerIp?: string | undefined;
  /** Derives the subject from the parsed request; the output is undefined if the request failed. */
  subject?: (output: RouteOutput<Id> | undefined) => AuditSubject;
  /**
   * Writes the record that precedes an irreversible effect; does nothing for other routes. Call it after authorization,
   * before the operation of the route. @throws VaultError `audit_unavailable`
   */
  recordStart?: () => Promise<void>;
  /** For uses of values: the class of the host's status, as soon as it is known. */
  upstream?: UpstreamClass | undefined;
  /** For uses that a person must allow: the id of the approval, and in the record of the start its proof. */
  approval?: Pick<AuditRecord, 'approval' | 'statement' | 'signature' | 'answer'> | undefined;
  /** Nothing was done yet, because a person is asked: status 202. */
  isPending?: true;
  /** Names of tripwires that the request read or used: for the audit, and for the log, from which an alarm is made. */
  tripwires?: string[];
  /** For the log: why a message with a valid provider signature, or an identity, was not accepted. */
  reason?: RequestLogEntry['reason'];
  /** Value of `ETag`, sent only with successful responses. */
  entityTag?: string;
  /** Values of `Set-Cookie`, sent only with successful responses. */
  cookies?: readonly string[];
  /** The concurrent write of the key's last use. Never rejects, and resolves soon. */
  lastUsedUpdate?: Promise<void>;
}

/** Notes each tripwire that a request reads or uses. The response does not change. */
export const noteTripwire =
  (state: Pick<RequestState, 'tripwires'>) =>
  (name: string): void => {
    state.tripwires = [...new Set([...(state.tripwires ?? []), name])];
  };

/** A complete route: takes the request and returns the object to serialize as JSON. */
export type RouteHandler = (state: RequestState, context: Context) => Promise<unknown>;

/** The parsed request. @throws VaultError the parsing error */
export function requireInput<Id extends RouteId>({ input }: RequestState<Id>): RouteInput<Id> {
  if (input === undefined) throw new Error('the request was not parsed');
  if (input instanceof Error) throw input;
  return input;
}
