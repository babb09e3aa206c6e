/** What the routes of webhooks and messages take and give. */
import * as z from 'zod/mini';
import { damaged, emptyObject, pageQueryFields, rfc3339Time, schemaFor } from '../shared/schema-parts.ts';
import type { ListMessagesResponse } from './wire.ts';

/** Hooks are read as bytes, by what their provider signed: neither query nor body is parsed before. The answer is what that provider expects. */
const webhookRoute = {
  params: z.strictObject({ org: z.string() }),
  query: z.record(z.string(), z.string()),
  body: undefined,
  response: z.strictObject({ contentType: z.string(), body: z.string() }),
};

/** Rows of `schemas` (route-schemas.ts). */
export const conversationSchemas = {
  listMessages: {
    params: emptyObject,
    query: z.strictObject(pageQueryFields),
    body: undefined,
    response: schemaFor<ListMessagesResponse>()(
      z.strictObject({
        messages: z.array(
          z.strictObject({
            id: z.string(),
            role: z.enum(['user', 'agent']),
            text: z.string(),
            channel: z.string(),
            at: rfc3339Time,
          }),
        ),
        damaged,
        cursor: z.optional(z.string()),
      }),
    ),
  },
  receiveTwilio: webhookRoute,
  receiveWhatsApp: webhookRoute,
  verifyWhatsApp: webhookRoute,
  receiveSlack: webhookRoute,
  receiveMailgun: { ...webhookRoute, params: z.strictObject({ org: z.string(), secret: z.string() }) },
  receiveSendGrid: webhookRoute,
} as const;
