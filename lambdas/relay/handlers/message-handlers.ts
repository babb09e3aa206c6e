/** Handlers of mailboxes (docs/session-service.md, section 6). */
import { sessionLimits } from '../../../contract/sessions/limits.ts';
import { type SessionAuth, sessionRoute } from '../../directory/middleware/session-routes.ts';
import { decodeBase64Field } from '../../shared/base64-field.ts';
import type { MailboxService } from '../mailbox-service.ts';
import type { SendService } from '../send-service.ts';

export const sendMessages = (auth: SessionAuth, sender: SendService) =>
  sessionRoute('sendMessages', auth, async ({ body }, signer) => ({
    messages: await sender.send(
      signer,
      body.messages.map(({ message, ...rest }) => ({ ...rest, message: decodeBase64Field(message) })),
    ),
  }));

export const readMailbox = (auth: SessionAuth, mailboxes: MailboxService) =>
  sessionRoute(
    'readMailbox',
    auth,
    async ({ query }, signer) => await mailboxes.read(signer, query.after, query.limit ?? sessionLimits.messagesPage),
  );

export const acknowledgeMessages = (auth: SessionAuth, mailboxes: MailboxService) =>
  sessionRoute(
    'acknowledgeMessages',
    auth,
    async ({ body }, signer) => await mailboxes.acknowledge(signer, body.names),
  );
