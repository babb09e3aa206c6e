/** Handlers of the routes of the directory (docs/session-service.md, section 2). */
import { sessionLimits } from '../../../contract/sessions/limits.ts';
import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { assertOrgActive } from '../../org-keys/keyring-verifier.ts';
import { decodeBase64Field } from '../../shared/base64-field.ts';
import type { CheckpointService } from '../checkpoint-service.ts';
import { byAuthority, byDevice, type DirectoryLogService } from '../directory-log-service.ts';
import { entryAuditName } from '../entry-audit-name.ts';
import { type SessionAuth, sessionRoute } from '../middleware/session-routes.ts';

export const appendDirectory = (auth: ApiKeyAuth, log: DirectoryLogService) =>
  apiKeyRoute('appendDirectory', auth, {
    subject: ({ body }) => ({ name: entryAuditName(body.entry) }),
    run: async ({ body }, { caller, storedKeyring }) => {
      assertOrgActive(await storedKeyring());
      return await log.append(caller.org, decodeBase64Field(body.entry), byAuthority);
    },
  });

export const readDirectory = (auth: ApiKeyAuth, log: DirectoryLogService) =>
  apiKeyRoute('readDirectory', auth, {
    run: async ({ query }, { caller, storedKeyring }) => {
      assertOrgActive(await storedKeyring());
      return await log.readAsAdmin(caller.org, query.after ?? 0, query.limit ?? sessionLimits.directoryPage);
    },
  });

export const appendSessionEntry = (auth: SessionAuth, log: DirectoryLogService) =>
  sessionRoute(
    'appendSessionEntry',
    auth,
    async ({ body }, { org, device }) => await log.append(org, decodeBase64Field(body.entry), byDevice(device.ik)),
    ({ body }) => ({ name: entryAuditName(body.entry) }),
  );

export const readSessionEntries = (auth: SessionAuth, log: DirectoryLogService) =>
  sessionRoute(
    'readSessionEntries',
    auth,
    async ({ query }, { view }) => await log.read(view, query.after ?? 0, query.limit ?? sessionLimits.directoryPage),
  );

export const readCheckpoint = (auth: SessionAuth, checkpoints: CheckpointService) =>
  sessionRoute(
    'readCheckpoint',
    auth,
    async ({ query }, { org, view }) => await checkpoints.read(org, query.upTo ?? view.state.head.seq, query.part ?? 1),
  );
