import type { APIGatewayProxyEventV2, APIGatewayProxyEventV2WithIAMAuthorizer, Context } from 'aws-lambda';
import type { RouteInput, RouteOutput } from '../../contract/route-schemas.ts';
import type { RouteId } from '../../contract/routes.ts';
import type { AuditSubject } from '../shared/audit-log.ts';
import type { RequestLogEntry } from './request-log.ts';

/** Events of the HTTP API, payload format 2.0; with an IAM authorizer's findings on the routes that have one. */
export type ApiEvent = APIGatewayProxyEventV2 | APIGatewayProxyEventV2WithIAMAuthorizer;

/** Who answers for a request in the audit. */
export interface AuditActor {
  readonly org: string;
  /** Id of the API key, the ARN of the operator, `link`, `user:` and the id of a user, or the name of a channel. */
  readonly principal: string;
}

/** One request on its way through the middleware, which fills it in. */
export interface RequestState<Id extends RouteId = RouteId> {
  readonly event: ApiEvent;
  /** The parsed request, or why it could not be parsed: that is told only to who may call. */
  input?: RouteInput<Id> | Error;
  /** Set as soon as it is proven who calls, before it is asked what he may: refusals are audited too. */
  actor?: AuditActor;
  /** What the request is about, where its path tells it only together with a secret of its own, or not at all. */
  auditSubject?: string | readonly string[];
  /** What a route says of its subject once its request is parsed; the output is undefined when there was none. */
  subject?: (output: RouteOutput<Id> | undefined) => AuditSubject;
  /** For the log: why what a provider signed was not taken. */
  reason?: RequestLogEntry['reason'];
  /** Values of `Set-Cookie`, sent with an answer that succeeds. */
  cookies?: readonly string[];
  /** The note of the key's use, under way beside the request: never rejects, and soon resolves. */
  lastUsedUpdate?: Promise<void>;
}

/** A route ready to serve: from call to the object that becomes JSON. */
export type RouteHandler = (state: RequestState, context: Context) => Promise<unknown>;

/** The parsed request. @throws what made it unparsable */
export function requireInput<Id extends RouteId>({ input }: RequestState<Id>): RouteInput<Id> {
  if (input === undefined) throw new Error('the request was not parsed');
  if (input instanceof Error) throw input;
  return input;
}
