import type { MiddlewareObj } from '@middy/core';
import type { RouteInput } from '../../../contract/route-schemas.ts';
import type { RouteId } from '../../../contract/routes.ts';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import type { ApiEvent, RequestState } from '../../middleware/request-state.ts';
import type { Clock } from '../../shared/ports.ts';
import { readWithinMaxAge } from '../read-freshness.ts';
import { ownerOfCredential, slotSecretOf, type UnlockedUser, unlockUser } from '../unlocked-user.ts';
import { parseUserCredential } from '../user-credential.ts';
import type { RecordKey, UserReader } from '../user-ports.ts';

export interface UserAuthenticator {
  readonly reader: UserReader;
  readonly clock: Clock;
}

/** A request on a route for users. */
export interface UserCall<Id extends RouteId> extends RequestState<Id> {
  /** The user who is there. */
  user?: UnlockedUser;
  /** What opened that user's slot: zeroed when the request ends. */
  secret?: Uint8Array;
}

/** Records that a route wants in the read that brings the keyrings: at most 98. */
export interface RequiredRecords<Id extends RouteId> {
  records?(input: RouteInput<Id>): readonly RecordKey[];
}

/**
 * Reads the org's keyring, the user's and the route's records in one round trip, and lets only who opens a slot pass. Who may not call
 * learns nothing of what was wrong with the request.
 */
export function authenticateUser<Id extends RouteId>(
  authenticator: UserAuthenticator,
  required: RequiredRecords<Id>,
): MiddlewareObj<UserCall<Id>> {
  return {
    before: async ({ event }) => {
      const credential = parseUserCredential(event.event.headers.authorization, event.event.cookies ?? []);
      if (credential.kind === 'session') assertSameOrigin(event.event);
      event.secret = slotSecretOf(credential);
      const owner = ownerOfCredential(credential);
      const { input } = event;
      const records = input === undefined || input instanceof Error ? [] : (required.records?.(input) ?? []);
      const read = await readWithinMaxAge(() => authenticator.reader.read(owner, records));
      event.user = unlockUser(credential, event.secret, read, authenticator.clock());
      event.actor = { org: owner.org, principal: `user:${owner.user}` };
    },
  };
}

/**
 * Browsers say where a request comes from (Fetch Metadata, `Sec-Fetch-Site`): from a page of another origin none is taken, also not of a
 * sibling host, whose requests carry a SameSite cookie. Those that do not say it send no such cookie from another site (SameSite=Lax).
 * @throws VaultError `forbidden`
 */
export function assertSameOrigin({ headers }: ApiEvent): void {
  const from = headers['sec-fetch-site'] ?? 'none';
  if (from === 'same-origin' || from === 'none') return;
  throw new VaultError('forbidden', { detail: 'A session is for pages of this very origin.' });
}
