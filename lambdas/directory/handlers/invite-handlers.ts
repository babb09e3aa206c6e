/** Handlers of invites and enrollment (docs/session-service.md, section 3). */
import { sessionLimits } from '../../../contract/sessions/limits.ts';
import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { assertOrgActive } from '../../org-keys/keyring-verifier.ts';
import { decodeBase64Field } from '../../shared/base64-field.ts';
import type { DirectoryLogService } from '../directory-log-service.ts';
import type { DirectoryReader } from '../directory-reader.ts';
import type { InviteService } from '../invite-service.ts';
import { inviteRoute, type SessionAuth } from '../middleware/session-routes.ts';

export const createInvite = (auth: ApiKeyAuth, invites: InviteService) =>
  apiKeyRoute('createInvite', auth, {
    subject: ({ body }) => ({ name: body.invite }),
    run: async ({ body }, { caller, storedKeyring }) => {
      assertOrgActive(await storedKeyring());
      const { invite, person, role, stored } = body;
      return await invites.create(caller.org, { invite, person, role, stored: decodeBase64Field(stored) });
    },
  });

export const listInvites = (auth: ApiKeyAuth, invites: InviteService) =>
  apiKeyRoute('listInvites', auth, {
    run: async (_, { caller, storedKeyring }) => {
      assertOrgActive(await storedKeyring());
      return await invites.list(caller.org);
    },
  });

export const deleteInvite = (auth: ApiKeyAuth, invites: InviteService) =>
  apiKeyRoute('deleteInvite', auth, {
    subject: ({ params }) => ({ name: params.invite }),
    run: async ({ params }, { caller, storedKeyring }) => {
      assertOrgActive(await storedKeyring());
      return await invites.delete(caller.org, params.invite);
    },
  });

export const beginEnrollment = (auth: SessionAuth, invites: InviteService) =>
  inviteRoute('beginEnrollment', auth, invites, async (_, invite) => invites.begin(invite));

export const putEnrollment = (auth: SessionAuth, invites: InviteService) =>
  inviteRoute('putEnrollment', auth, invites, async ({ body }, invite) => {
    const { ik, dh, proof, possession } = body;
    return await invites.enroll(invite, {
      ik: decodeBase64Field(ik),
      dh: decodeBase64Field(dh),
      proof: decodeBase64Field(proof),
      possession: decodeBase64Field(possession),
    });
  });

export const readInvitedDirectory = (
  auth: SessionAuth,
  invites: InviteService,
  reader: DirectoryReader,
  log: DirectoryLogService,
) =>
  inviteRoute('readInvitedDirectory', auth, invites, async ({ body }, { org }) => {
    const { view } = await reader.read(org);
    return await log.read(view, body.after, sessionLimits.directoryPage);
  });
