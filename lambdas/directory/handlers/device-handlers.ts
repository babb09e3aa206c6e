/** Handlers of prekeys and conversations (docs/session-service.md, sections 4 and 5). */
import { decodeBase64Field } from '../../shared/base64-field.ts';
import type { BundleService } from '../bundle-service.ts';
import type { ConversationService } from '../conversation-service.ts';
import { type SessionAuth, sessionRoute } from '../middleware/session-routes.ts';

export const putBundle = (auth: SessionAuth, bundles: BundleService) =>
  sessionRoute(
    'putBundle',
    auth,
    async ({ body }, signer) =>
      await bundles.put(signer, decodeBase64Field(body.bundle), body.oneTimePrekeys.map(decodeBase64Field)),
  );

export const getBundle = (auth: SessionAuth, bundles: BundleService) =>
  sessionRoute('getBundle', auth, async (_, signer) => await bundles.getOwn(signer));

export const claimBundle = (auth: SessionAuth, bundles: BundleService) =>
  sessionRoute(
    'claimBundle',
    auth,
    async ({ params, body }, signer) =>
      await bundles.claim(signer, { to: params.device, conversation: body.conversation }),
  );

export const putConversation = (auth: SessionAuth, conversations: ConversationService) =>
  sessionRoute(
    'putConversation',
    auth,
    async ({ params, body }, signer) =>
      await conversations.put(signer, params.conversation, decodeBase64Field(body.statement)),
  );

export const listConversations = (auth: SessionAuth, conversations: ConversationService) =>
  sessionRoute('listConversations', auth, async ({ query }, signer) => await conversations.list(signer, query.after));
