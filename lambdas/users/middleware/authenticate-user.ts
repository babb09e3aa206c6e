import type { MiddlewareObj } from '@middy/core';
import type { RouteInput } from '../../../contract/route-schemas.ts';
import type { RouteId } from '../../../contract/routes.ts';
import type { RequestState } from '../../middleware/request-state.ts';
import type { Clock } from '../../shared/ports.ts';
import { readWithinMaxAge } from '../read-freshness.ts';
import { ownerOfCredential, slotSecretOf, type UnlockedUser, unlockUser } from '../unlocked-user.ts';
import { parseUserCredential } from '../user-credential.ts';
import type { RecordKey, UserReader } from '../user-ports.ts';
import { assertSameOrigin } from './same-origin.ts';

export interface UserAuthenticator {
  readonly reader: UserReader;
  readonly clock: Clock;
}

/** A request on a route for users. */
export interface UserCall<Id extends RouteId> extends RequestState<Id> {
  /** The authenticated user. */
  user?: UnlockedUser;
  /** Secret that opened the slot of the user. Zeroed when the request ends. */
  secret?: Uint8Array;
}

/** Records that a route reads together with the keyrings: at most 98. */
export interface RequiredRecords<Id extends RouteId> {
  records?(input: RouteInput<Id>): readonly RecordKey[];
}

/**
 * Reads the keyring of the organization, the keyring of the user and the records of the route in one round trip. Only a
 * caller that opens a slot passes. An unauthorized caller learns nothing about errors in the request.
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
      // A genuine credential that is refused, because it has expired or the organization is locked, is recorded too.
      event.user = unlockUser(credential, event.secret, read, authenticator.clock(), () => {
        event.actor = { org: owner.org, principal: `user:${owner.user}` };
      });
    },
  };
}
