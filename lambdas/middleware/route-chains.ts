/** The onions of the kinds of route (contract/routes.ts, `auth`). */
import middy from '@middy/core';
import type { RouteId } from '../../contract/routes.ts';
import type { RouteInput, RouteOutput } from '../../contract/schemas.ts';
import { authenticate, type Gate, type Wanted } from '../api-keys/middleware/api-key-auth.ts';
import type { ProvenLink } from '../blobs/share-link-service.ts';
import { operatorOf, requireOperator } from './iam-operator-auth.ts';
import { type Call, type Chain, inputOf, type Session } from './request-context.ts';
import { parse } from './request-parsing.ts';

/** A route for holders of an API key: what it reads beside the key, and what it does. */
export interface MemberRoute<Id extends RouteId> extends Wanted<Id> {
  run(input: RouteInput<Id>, session: Session): Promise<RouteOutput<Id>>;
}

export function memberChain<Id extends RouteId>(id: Id, gate: Gate, route: MemberRoute<Id>): Chain {
  const chain = middy<Call<Id>, RouteOutput<Id>>(async (call: Call<Id>) => {
    if (call.session === undefined) throw new Error('the request was not authenticated');
    return await route.run(inputOf(call), call.session);
  });
  return chain.use(parse(id)).use(authenticate(id, gate, route)) as Chain;
}

/** A route for the deployment's operator; it is audited under the org that `orgOf` finds in its answer. */
export function operatorChain<Id extends RouteId>(
  id: Id,
  run: (input: RouteInput<Id>) => Promise<RouteOutput<Id>>,
  orgOf: (output: RouteOutput<Id>) => string,
): Chain {
  const chain = middy<Call<Id>, RouteOutput<Id>>(async (call: Call<Id>) => {
    const output = await run(inputOf(call));
    call.actor = { org: orgOf(output), principal: operatorOf(call) };
    return output;
  });
  return chain.use(requireOperator()).use(parse(id)) as Chain;
}

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

/** A route for anyone. */
export function publicChain<Id extends RouteId>(
  id: Id,
  run: (input: RouteInput<Id>) => Promise<RouteOutput<Id>>,
): Chain {
  return middy<Call<Id>, RouteOutput<Id>>(async (call: Call<Id>) => await run(inputOf(call))).use(parse(id)) as Chain;
}
