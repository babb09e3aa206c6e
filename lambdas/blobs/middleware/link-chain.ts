/** The middleware of routes for holders of a link. */
import middy from '@middy/core';
import type { RouteInput, RouteOutput } from '../../../contract/route-schemas.ts';
import type { RouteId } from '../../../contract/routes.ts';
import { type Call, type Chain, inputOf } from '../../middleware/request-context.ts';
import { parse } from '../../middleware/request-parsing.ts';
import type { ProvenLink } from '../share-link-service.ts';

/** A route for whoever proves to know the key of a link: the proof, and what it does then. */
export interface LinkRoute<Id extends RouteId> {
  prove(input: RouteInput<Id>): Promise<ProvenLink>;
  run(proven: ProvenLink, input: RouteInput<Id>): Promise<RouteOutput<Id>>;
}

/** It is audited, under the blob's org, from the proof on: what only has the form of a link proves nothing, and is left to the log. */
export function linkChain<Id extends RouteId>(id: Id, route: LinkRoute<Id>): Chain {
  const chain = middy<Call<Id>, RouteOutput<Id>>(async (call: Call<Id>) => {
    const proven = await route.prove(inputOf(call));
    call.actor = { org: proven.blob.org, principal: 'link' };
    call.about = proven.blob.id;
    return await route.run(proven, inputOf(call));
  });
  return chain.use(parse(id)) as Chain;
}
