/** Middleware of routes for devices: the request is signed by a member of the vault (docs/device-service.md, 1). */
import middy, { type MiddlewareObj } from '@middy/core';
import type { RouteInput, RouteOutput } from '../../../contract/route-schemas.ts';
import type { RouteId } from '../../../contract/routes.ts';
import { parseRequest } from '../../middleware/parse-request.ts';
import { type ApiEvent, type RequestState, type RouteHandler, requireInput } from '../../middleware/request-state.ts';
import type { Clock } from '../../shared/ports.ts';
import type { DeviceAuthenticator } from '../device-authenticator.ts';
import type { Roster } from '../roster-verifier.ts';
import { isSignedWith, requireClaimedSignature, type SignedRequest } from '../signed-request.ts';

export interface DeviceAuth {
  readonly authenticator: DeviceAuthenticator;
  readonly clock: Clock;
  /** Hosts under which the deployment is reached, besides the one of the gateway. */
  readonly hosts: readonly string[];
}

/** The member that signed a request. */
export interface SigningDevice {
  readonly roster: Roster;
  readonly device: string;
}

interface DeviceCall<Id extends RouteId> extends RequestState<Id> {
  signer?: SigningDevice;
}

const toSignedRequest = (event: ApiEvent): SignedRequest => ({
  headers: event.headers,
  method: event.requestContext.http.method,
  path: event.rawPath,
  query: event.rawQueryString,
  body: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8'),
  vault: event.pathParameters?.vault,
});

function authenticateDevice<Id extends RouteId>(auth: DeviceAuth): MiddlewareObj<DeviceCall<Id>> {
  const { authenticator, clock } = auth;
  return {
    before: async ({ event: state }) => {
      const request = toSignedRequest(state.event);
      const claimed = requireClaimedSignature(request, clock());
      const { scope, device } = claimed;
      // The gateway sets this name; a header of the request does not change it.
      const hosts = [state.event.requestContext.domainName, ...auth.hosts];
      const roster = await authenticator.authenticate(
        scope,
        device,
        (ecdsa) => isSignedWith(ecdsa, request, claimed, hosts),
        () => {
          state.actor = { org: scope.org, principal: `device:${scope.user}/${device}` };
          state.auditSubject = scope.vault;
        },
      );
      state.signer = { roster, device };
    },
  };
}

/** A route for devices. */
export function deviceRoute<Id extends RouteId>(
  id: Id,
  auth: DeviceAuth,
  run: (input: RouteInput<Id>, signer: SigningDevice) => Promise<RouteOutput<Id>>,
): RouteHandler {
  const chain = middy<DeviceCall<Id>, RouteOutput<Id>>(async (state: DeviceCall<Id>) => {
    if (state.signer === undefined) throw new Error('the request was not authenticated');
    const input = requireInput(state);
    await state.recordStart?.();
    return await run(input, state.signer);
  });
  return chain.use(parseRequest(id)).use(authenticateDevice(auth)) as RouteHandler;
}
