/** Request and response schemas of the routes of the relay. */

import * as z from 'zod/mini';
import { lazy } from '../shared/lazy.ts';
import {
  base64Of,
  emptyObject,
  integerAtLeast,
  queryNumber,
  rfc3339Time,
  schemaFor,
  textOf,
} from '../shared/schema-parts.ts';
import { sessionLimits } from './limits.ts';
import { hashId, hashIdPattern, idInPath, key, seqNumber } from './schema-parts.ts';
import type {
  AcknowledgeRequest,
  AcknowledgeResponse,
  CreateAttachmentRequest,
  CreateAttachmentResponse,
  CreateTicketResponse,
  DeletePushResponse,
  GetAttachmentResponse,
  GetPushKeyResponse,
  PutPushRequest,
  PutPushResponse,
  ReadMailboxResponse,
  SendMessagesRequest,
  SendMessagesResponse,
} from './wire.ts';

/** `<device>/<counter>`, with a counter that is not above 2^53 - 1. */
const messageName = lazy(() => z.string().check(z.regex(/^[0-9a-f]{32}\/(?:0|[1-9][0-9]{0,15})$/)));

/** Builders of entries of `routeSchemas` (route-schemas.ts): messages, attachments, tickets and push subscriptions. */
export const relaySchemas = {
  sendMessages: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<SendMessagesRequest>()(
        z.strictObject({
          messages: z
            .array(
              z.strictObject({
                to: hashId(),
                counter: seqNumber(),
                conversation: z.optional(hashId()),
                message: base64Of(sessionLimits.sessionMessageBytes),
              }),
            )
            .check(z.minLength(1), z.maxLength(sessionLimits.messagesSent)),
        }),
      ),
    response: () =>
      schemaFor<SendMessagesResponse>()(
        z.strictObject({
          messages: z.array(
            z.strictObject({
              to: z.string(),
              counter: integerAtLeast(0),
              outcome: z.enum(['stored', 'acknowledged', 'counter_used', 'not_allowed', 'mailbox_full']),
              highest: z.optional(integerAtLeast(0)),
            }),
          ),
        }),
      ),
  },
  readMailbox: {
    params: emptyObject,
    query: () =>
      z.strictObject({
        after: z.optional(messageName()),
        limit: z.optional(queryNumber(1, sessionLimits.messagesPage)),
      }),
    body: undefined,
    response: () =>
      schemaFor<ReadMailboxResponse>()(
        z.strictObject({
          messages: z.array(
            z.strictObject({
              name: z.string(),
              conversation: z.optional(z.string()),
              message: z.string(),
              storedAt: rfc3339Time(),
              certificate: z.optional(z.string()),
            }),
          ),
          next: z.optional(z.string()),
        }),
      ),
  },
  acknowledgeMessages: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<AcknowledgeRequest>()(
        z.strictObject({
          names: z.array(messageName()).check(z.minLength(1), z.maxLength(sessionLimits.acksSent)),
        }),
      ),
    response: () => schemaFor<AcknowledgeResponse>()(z.strictObject({ acknowledged: integerAtLeast(0) })),
  },
  createAttachment: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<CreateAttachmentRequest>()(
        z.strictObject({
          name: hashId(),
          bytes: integerAtLeast(1).check(z.maximum(sessionLimits.attachmentBytes)),
          sha256: key(),
        }),
      ),
    response: () =>
      schemaFor<CreateAttachmentResponse>()(
        z.strictObject({ url: z.string(), headers: z.record(z.string(), z.string()), expiresAt: rfc3339Time() }),
      ),
  },
  getAttachment: {
    params: () => z.strictObject({ name: idInPath(hashIdPattern.source, 'The name of an attachment') }),
    query: emptyObject,
    body: undefined,
    response: () => schemaFor<GetAttachmentResponse>()(z.strictObject({ url: z.string(), expiresAt: rfc3339Time() })),
  },
  createTicket: {
    params: emptyObject,
    query: emptyObject,
    body: undefined,
    response: () =>
      schemaFor<CreateTicketResponse>()(
        z.strictObject({ ticket: z.string(), url: z.string(), expiresAt: rfc3339Time() }),
      ),
  },
  putPush: {
    params: emptyObject,
    query: emptyObject,
    body: () => schemaFor<PutPushRequest>()(z.strictObject({ endpoint: textOf(1, sessionLimits.pushEndpointLength) })),
    response: () =>
      schemaFor<PutPushResponse>()(z.strictObject({ subscription: z.string(), expiresAt: rfc3339Time() })),
  },
  deletePush: {
    params: emptyObject,
    query: () => z.strictObject({ subscription: z.optional(hashId()) }),
    body: undefined,
    response: () => schemaFor<DeletePushResponse>()(z.strictObject({ removed: integerAtLeast(0) })),
  },
  getPushKey: {
    params: emptyObject,
    query: emptyObject,
    body: undefined,
    response: () => schemaFor<GetPushKeyResponse>()(z.strictObject({ applicationServerKey: z.string() })),
  },
} as const;
