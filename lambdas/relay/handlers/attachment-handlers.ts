/** Handlers of attachments (docs/session-service.md, section 7). */
import { type SessionAuth, sessionRoute } from '../../directory/middleware/session-routes.ts';
import type { AttachmentService } from '../attachment-service.ts';

export const createAttachment = (auth: SessionAuth, attachments: AttachmentService) =>
  sessionRoute('createAttachment', auth, async ({ body }, signer) => await attachments.create(signer, body));

export const getAttachment = (auth: SessionAuth, attachments: AttachmentService) =>
  sessionRoute('getAttachment', auth, async ({ params }, signer) => await attachments.get(signer, params.name));
