/** Middleware of routes that a device of the directory signs, and of routes with an invite. */
import middy, { type MiddlewareObj } from '@middy/core';
import type { RouteInput, RouteOutput } from '../../../contract/route-schemas.ts';
import type { RouteId } from '../../../contract/routes.ts';
import { type ExtractSubject, parseRequest } from '../../middleware/parse-request.ts';
import { type ApiEvent, type RequestState, type RouteHandler, requireInput } from '../../middleware/request-state.ts';
import { decodeBase64Field } from '../../shared/base64-field.ts';
import type { InviteService, PresentedInvite } from '../invite-service.ts';
import type { SessionAuthenticator, SessionRequest, SessionSigner } from '../session-authenticator.ts';

export interface SessionAuth {
  readonly authenticator: SessionAuthenticator;
  /** Hosts under which the deployment is reached, besides the one of the gateway. */
  readonly hosts: readonly string[];
}

interface SessionCall<Id extends RouteId> extends RequestState<Id> {
  signer?: SessionSigner;
}

const toSessionRequest = (event: ApiEvent, hosts: readonly string[]): SessionRequest => ({
  headers: event.headers,
  method: event.requestContext.http.method,
  path: event.rawPath,
  query: event.rawQueryString,
  body: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8'),
  // The gateway sets this name; a header of the request does not change it.
  hosts: [event.requestContext.domainName, ...hosts],
});

function authenticateSession<Id extends RouteId>(
  { authenticator, hosts }: SessionAuth,
  hasSubject: boolean,
): MiddlewareObj<SessionCall<Id>> {
  return {
    before: async ({ event: state }) => {
      const request = toSessionRequest(state.event, hosts);
      state.signer = await authenticator.authenticate(request, ({ org, device }) => {
        state.actor = { org, principal: `session:${device.id}` };
        const { conversation, device: other } = state.event.pathParameters ?? {};
        if (!hasSubject) state.auditSubject = conversation ?? other ?? device.id;
      });
    },
  };
}

/**
 * A route for devices of the directory.
 * @param subject of the audit record. Default: the conversation or device in the path, or the device that signed
 */
export function sessionRoute<Id extends RouteId>(
  id: Id,
  auth: SessionAuth,
  run: (input: RouteInput<Id>, signer: SessionSigner) => Promise<RouteOutput<Id>>,
  subject?: ExtractSubject<Id>,
): RouteHandler {
  const chain = middy<SessionCall<Id>, RouteOutput<Id>>(async (state: SessionCall<Id>) => {
    if (state.signer === undefined) throw new Error('the request was not authenticated');
    return await run(requireInput(state), state.signer);
  });
  return chain.use(parseRequest(id, subject)).use(authenticateSession(auth, subject !== undefined)) as RouteHandler;
}

type InviteRouteId = 'beginEnrollment' | 'putEnrollment' | 'readInvitedDirectory';

/** What the routes with an invite have in common. */
interface InviteInput {
  readonly params: { readonly org: string; readonly invite: string };
  readonly body: { readonly lookup: string };
}

/** A route for a device that has an invite. The lookup value in the body is its credential. */
export function inviteRoute<Id extends InviteRouteId>(
  id: Id,
  { authenticator }: SessionAuth,
  invites: InviteService,
  run: (input: RouteInput<Id>, invite: PresentedInvite) => Promise<RouteOutput<Id>>,
): RouteHandler {
  const chain = middy<RequestState<Id>, RouteOutput<Id>>(async (state: RequestState<Id>) => {
    const input = requireInput(state);
    // The compiler cannot infer from the route table that each of these routes has them.
    const { params, body } = input as unknown as InviteInput;
    const { org, invite } = params;
    const presented = await invites.present(org, invite, decodeBase64Field(body.lookup));
    state.actor = { org, principal: `invite:${invite}` };
    state.auditSubject = invite;
    await authenticator.assertActive(org, presented.orgKeyring);
    return await run(input, presented);
  });
  return chain.use(parseRequest(id)) as RouteHandler;
}
