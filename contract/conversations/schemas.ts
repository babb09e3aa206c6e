/** Request and response schemas of the routes of webhooks and messages. */
import * as z from 'zod/mini';
import { damaged, emptyObject, idText, pageQueryFields, rfc3339Time, schemaFor } from '../shared/schema-parts.ts';
import type { ListMessagesResponse } from './wire.ts';

/**
 * Webhook requests are read as bytes, because that is what the provider signed. Neither query nor body is parsed before
 * the signature is verified. The response has the form that the provider expects.
 */
const webhookRoute = {
  params: () => z.strictObject({ org: idText() }),
  query: () => z.record(z.string(), z.string()),
  body: undefined,
  response: () => z.strictObject({ contentType: z.string(), body: z.string() }),
};

const messageMedia = () =>
  z.strictObject({
    id: z.string(),
    kind: z.enum(['image', 'audio', 'video', 'sticker', 'contact', 'file']),
    name: z.optional(z.string()),
    type: z.optional(z.string()),
    bytes: z.int().check(z.nonnegative()),
    url: z.string(),
    key: z.string(),
  });

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const conversationSchemas = {
  listMessages: {
    params: emptyObject,
    query: () => z.strictObject(pageQueryFields()),
    body: undefined,
    response: () =>
      schemaFor<ListMessagesResponse>()(
        z.strictObject({
          messages: z.array(
            z.strictObject({
              id: z.string(),
              role: z.enum(['user', 'agent']),
              text: z.string(),
              subject: z.optional(z.string()),
              original: z.optional(z.string()),
              media: z.optional(z.array(messageMedia())),
              channel: z.string(),
              at: rfc3339Time(),
            }),
          ),
          damaged: damaged(),
          cursor: z.optional(z.string()),
        }),
      ),
  },
  receiveTwilio: webhookRoute,
  receiveWhatsApp: webhookRoute,
  verifyWhatsApp: webhookRoute,
  receiveSlack: webhookRoute,
  receiveMailgun: { ...webhookRoute, params: () => z.strictObject({ org: idText(), secret: idText() }) },
  receiveSendGrid: webhookRoute,
} as const;
