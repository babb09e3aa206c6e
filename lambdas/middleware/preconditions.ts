import { evaluatesPreconditions, type RouteId, routes } from '../../contract/routes.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { type Preconditions, parsePreconditions } from '../shared/preconditions.ts';
import type { ApiEvent, RequestState } from './request-state.ts';

/** The preconditions of a request, for a route that evaluates them. @throws VaultError `invalid_request` */
export const requirePreconditions = ({ event }: Pick<RequestState, 'event'>): Preconditions | undefined =>
  parsePreconditions(event.headers);

/**
 * Refuses preconditions on writes that do not evaluate them: ignoring them would overwrite what the client meant to
 * protect. Their resources have no entity tags, so `If-Match` does not hold (RFC 9110 section 13.1.1). Reads may ignore
 * preconditions, because they change nothing. Date conditions are ignored everywhere, because no resource has a
 * modification date (RFC 9110 section 13.1.4).
 * @throws VaultError `precondition_failed`
 */
export function refuseUnsupportedPreconditions(id: RouteId, { headers }: ApiEvent): void {
  if (routes[id].method === 'GET' || evaluatesPreconditions(id)) return;
  if (headers['if-match'] === undefined && headers['if-none-match'] === undefined) return;
  throw new VaultError('precondition_failed', {
    detail:
      'This route cannot evaluate If-Match and If-None-Match. Nothing was changed. Send the request without them; ' +
      'routes with compare-and-set have a field or parameter ifVersion.',
  });
}
