/** Requests with the lookup value of one invite, over HTTP. */
import { sessionRoutes } from '../../../../contract/sessions/routes.ts';
import type {
  BeginEnrollmentRequest,
  PutEnrollmentRequest,
  ReadInvitedDirectoryRequest,
} from '../../../../contract/sessions/wire.ts';
import type { Invite } from '../../../../core/directory/invite.ts';
import { toBase64 } from '../../../../core/encoding/bytes.ts';
import type { Transport } from '../../http/transport.ts';
import { pageOf, rowOf } from './request-rows.ts';
import { addSessionErrors } from './service-errors.ts';
import { bytesOf, decodeBegun, decodeEnrolled, decodeEntries } from './session-decoders.ts';
import type { EnrollmentRequests } from './session-requests.ts';

export function enrollmentRequests(transport: Transport, { org, id }: Pick<Invite, 'org' | 'id'>): EnrollmentRequests {
  addSessionErrors();
  const parts = { org, invite: id };
  return {
    begin: async (lookup, settings) => {
      const call = {
        route: rowOf(sessionRoutes.beginEnrollment, parts),
        body: { lookup: toBase64(lookup) } satisfies BeginEnrollmentRequest,
      };
      const { person, role, challenge } = await transport.request(call, settings, decodeBegun);
      return { person, role, challenge: bytesOf(challenge) };
    },
    put: async (lookup, { ik, dh, proof, possession }, settings) => {
      const keys = { ik: toBase64(ik), dh: toBase64(dh), proof: toBase64(proof), possession: toBase64(possession) };
      const call = {
        route: rowOf(sessionRoutes.putEnrollment, parts),
        body: { lookup: toBase64(lookup), ...keys } satisfies PutEnrollmentRequest,
      };
      await transport.request(call, settings, decodeEnrolled);
    },
    entries: async (lookup, after, settings) => {
      const body: ReadInvitedDirectoryRequest = { lookup: toBase64(lookup), after };
      const call = { route: rowOf(sessionRoutes.readInvitedDirectory, parts), body };
      return pageOf(await transport.request(call, settings, decodeEntries));
    },
  };
}
