import middy from '@middy/core';
import type { RouteInput, RouteOutput } from '../../contract/route-schemas.ts';
import type { RouteId } from '../../contract/routes.ts';
import { parseRequest } from './parse-request.ts';
import { type RequestState, type RouteHandler, requireInput } from './request-state.ts';
import type { ViewerAddress } from './viewer-address.ts';

/** A route that requires proof of knowledge of a link's secret: the verification and the operation. */
export interface ProvenLinkRoute<Id extends RouteId, Link> {
  verifyProof(input: RouteInput<Id>): Promise<Link>;
  run(link: Link, input: RouteInput<Id>): Promise<RouteOutput<Id>>;
}

/** What the audit says of a request with a proven link. */
export interface LinkSubject {
  readonly org: string;
  readonly principal: string;
  readonly subject: string;
}

/**
 * Audited under the org of the link once the proof is verified. Requests without a valid proof are only logged, because
 * anyone can send them.
 */
export function provenLinkRoute<Id extends RouteId, Link>(
  id: Id,
  viewerAddress: ViewerAddress,
  subjectOf: (link: Link) => LinkSubject,
  route: ProvenLinkRoute<Id, Link>,
): RouteHandler {
  const chain = middy<RequestState<Id>, RouteOutput<Id>>(async (state: RequestState<Id>) => {
    const input = requireInput(state);
    const link = await route.verifyProof(input);
    const { org, principal, subject } = subjectOf(link);
    state.actor = { org, principal };
    state.auditSubject = subject;
    state.viewerIp = viewerAddress(state.event.headers);
    await state.recordStart?.();
    return await route.run(link, input);
  });
  return chain.use(parseRequest(id)) as RouteHandler;
}
