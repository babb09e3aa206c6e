/** Requests of an admin over HTTP, with an API key of the org. */
import { approvalRoutes } from '../../../../contract/approvals/routes.ts';
import type { BrokerKeysResponse } from '../../../../contract/approvals/wire.ts';
import { sessionRoutes } from '../../../../contract/sessions/routes.ts';
import type { AppendDirectoryRequest, CreateInviteRequest } from '../../../../contract/sessions/wire.ts';
import { toBase64 } from '../../../../core/encoding/bytes.ts';
import { routeRow } from '../../http/route-row.ts';
import type { Transport } from '../../http/transport.ts';
import { decodeObject, decodeText } from '../../shared/json-decoders.ts';
import { pageOf, rowOf } from './request-rows.ts';
import { addSessionErrors } from './service-errors.ts';
import {
  bytesOf,
  decodeAppended,
  decodeEntries,
  decodeInviteCreated,
  decodeInviteDeleted,
  decodeInvites,
} from './session-decoders.ts';
import type { AdminRequests } from './session-requests.ts';

const decodeBrokerKeys = decodeObject<BrokerKeysResponse>({ device: decodeText, ik: decodeText, dh: decodeText });

export function adminRequests(transport: Transport): AdminRequests {
  addSessionErrors();
  return {
    brokerKeys: async (person, settings) => {
      const route = { ...routeRow(approvalRoutes.getBrokerKeys, { person }), auth: 'api-key' as const };
      const { device, ik, dh } = await transport.request({ route }, settings, decodeBrokerKeys);
      return { device, ik: bytesOf(ik), dh: bytesOf(dh) };
    },
    entries: async (after, settings) =>
      pageOf(
        await transport.request(
          { route: rowOf(sessionRoutes.readDirectory), query: { after } },
          settings,
          decodeEntries,
        ),
      ),
    append: async (signed, settings) => {
      const call = {
        route: rowOf(sessionRoutes.appendDirectory),
        body: { entry: toBase64(signed) } satisfies AppendDirectoryRequest,
      };
      await transport.request(call, settings, decodeAppended);
    },
    createInvite: async ({ invite, person, role, stored }, settings) => {
      const body: CreateInviteRequest = { invite, person, role, stored: toBase64(stored) };
      await transport.request({ route: rowOf(sessionRoutes.createInvite), body }, settings, decodeInviteCreated);
    },
    invites: async (settings) => {
      const { invites } = await transport.request({ route: rowOf(sessionRoutes.listInvites) }, settings, decodeInvites);
      return invites.map(({ invite, person, role, challenge, enrollment }) => ({
        ...{ invite, person, role, challenge: bytesOf(challenge) },
        enrollment: enrollment && {
          ...{ ik: bytesOf(enrollment.ik), dh: bytesOf(enrollment.dh) },
          ...{ proof: bytesOf(enrollment.proof), possession: bytesOf(enrollment.possession) },
        },
      }));
    },
    deleteInvite: async (invite, settings) => {
      const route = rowOf(sessionRoutes.deleteInvite, { invite });
      return (await transport.request({ route }, settings, decodeInviteDeleted)).deleted;
    },
  };
}
