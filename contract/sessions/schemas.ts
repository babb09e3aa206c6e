/** Request and response schemas of the routes of session custody. */

import * as z from 'zod/mini';
import { lazy } from '../shared/lazy.ts';
import {
  base64Of,
  documentedAs,
  emptyObject,
  integerAtLeast,
  opaqueId,
  queryNumber,
  rfc3339Time,
  schemaFor,
  textOf,
} from '../shared/schema-parts.ts';
import { sessionLimits } from './limits.ts';
import type {
  AcknowledgeRequest,
  AcknowledgeResponse,
  AppendDirectoryRequest,
  AppendDirectoryResponse,
  BeginEnrollmentRequest,
  BeginEnrollmentResponse,
  ClaimBundleRequest,
  ClaimBundleResponse,
  CreateAttachmentRequest,
  CreateAttachmentResponse,
  CreateInviteRequest,
  CreateInviteResponse,
  CreateTicketResponse,
  DeleteInviteResponse,
  DeletePushResponse,
  GetAttachmentResponse,
  GetBundleResponse,
  GetPushKeyResponse,
  ListConversationsResponse,
  ListInvitesResponse,
  PutBundleRequest,
  PutBundleResponse,
  PutConversationRequest,
  PutConversationResponse,
  PutEnrollmentRequest,
  PutEnrollmentResponse,
  PutPushRequest,
  PutPushResponse,
  ReadCheckpointResponse,
  ReadDirectoryResponse,
  ReadInvitedDirectoryRequest,
  ReadMailboxResponse,
  SendMessagesRequest,
  SendMessagesResponse,
} from './wire.ts';

const hashIdPattern = /^[0-9a-f]{32}$/;
const hashId = lazy(() => z.string().check(z.regex(hashIdPattern)));
/** A number that every language reads exactly. */
const seqNumber = lazy(() => z.int().check(z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER)));
/** Base64 of 32 and of 64 bytes: the last character before the padding has only some of its bits. */
const key = lazy(() => textOfForm(44, /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/));
const signature = lazy(() => textOfForm(88, /^[A-Za-z0-9+/]{85}[AQgw]==$/));
const role = lazy(() => z.enum(['owner', 'agent', 'broker']));

const textOfForm = (length: number, form: RegExp) =>
  z.string().check(z.minLength(length), z.maxLength(length), z.regex(form));

/** Accepts any string, so that a malformed id gets the answer of an id that does not exist. */
const idInPath = (pattern: string, description: string) => documentedAs(z.string(), { pattern, description });

const inviteParams = lazy(() => z.strictObject({ invite: idInPath('^[0-9a-z]{16}$', 'The id of an invite') }));
const enrollmentParams = lazy(() =>
  z.strictObject({
    org: idInPath('^[0-9a-z]{16}$', 'The id of the organization, from the invite'),
    invite: idInPath('^[0-9a-z]{16}$', 'The id of the invite'),
  }),
);

const entry = lazy(() =>
  schemaFor<AppendDirectoryRequest>()(z.strictObject({ entry: base64Of(sessionLimits.directoryEntryBytes) })),
);
const appended = lazy(() => schemaFor<AppendDirectoryResponse>()(z.strictObject({ seq: integerAtLeast(1) })));
const entriesQuery = lazy(() =>
  z.strictObject({
    after: z.optional(queryNumber(0)),
    limit: z.optional(queryNumber(1, sessionLimits.directoryPage)),
  }),
);
const entries = lazy(() =>
  schemaFor<ReadDirectoryResponse>()(
    z.strictObject({ entries: z.array(z.string()), head: integerAtLeast(0), more: z.boolean() }),
  ),
);

const enrollmentFields = lazy(() => ({ ik: key(), dh: key(), proof: key(), possession: signature() }));

const storedBundleFields = lazy(() => ({
  seq: integerAtLeast(0),
  oneTimePrekeys: integerAtLeast(0),
  highestId: integerAtLeast(0),
}));

/** `<device>/<counter>`, with a counter that is not above 2^53 - 1. */
const messageName = lazy(() => z.string().check(z.regex(/^[0-9a-f]{32}\/(?:0|[1-9][0-9]{0,15})$/)));

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const sessionSchemas = {
  appendDirectory: { params: emptyObject, query: emptyObject, body: entry, response: appended },
  readDirectory: { params: emptyObject, query: entriesQuery, body: undefined, response: entries },
  appendSessionEntry: { params: emptyObject, query: emptyObject, body: entry, response: appended },
  readSessionEntries: { params: emptyObject, query: entriesQuery, body: undefined, response: entries },
  readCheckpoint: {
    params: emptyObject,
    query: () => z.strictObject({ upTo: z.optional(queryNumber(1)), part: z.optional(queryNumber(1, 1_000)) }),
    body: undefined,
    response: () =>
      schemaFor<ReadCheckpointResponse>()(
        z.strictObject({
          seq: integerAtLeast(2),
          checkpoint: z.string(),
          subtrees: z.array(z.string()),
          leaves: z.array(z.string()),
          parts: integerAtLeast(1),
        }),
      ),
  },
  createInvite: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<CreateInviteRequest>()(
        z.strictObject({ invite: opaqueId(), person: opaqueId(), role: role(), stored: key() }),
      ),
    response: () => schemaFor<CreateInviteResponse>()(z.strictObject({ invite: z.string(), expiresAt: rfc3339Time() })),
  },
  listInvites: {
    params: emptyObject,
    query: emptyObject,
    body: undefined,
    response: () =>
      schemaFor<ListInvitesResponse>()(
        z.strictObject({
          invites: z.array(
            z.strictObject({
              invite: z.string(),
              person: z.string(),
              role: role(),
              expiresAt: rfc3339Time(),
              challenge: z.string(),
              enrollment: z.optional(z.strictObject(enrollmentFields())),
            }),
          ),
        }),
      ),
  },
  deleteInvite: {
    params: inviteParams,
    query: emptyObject,
    body: undefined,
    response: () => schemaFor<DeleteInviteResponse>()(z.strictObject({ deleted: z.boolean() })),
  },
  beginEnrollment: {
    params: enrollmentParams,
    query: emptyObject,
    body: () => schemaFor<BeginEnrollmentRequest>()(z.strictObject({ lookup: key() })),
    response: () =>
      schemaFor<BeginEnrollmentResponse>()(
        z.strictObject({ person: z.string(), role: role(), challenge: z.string(), expiresAt: rfc3339Time() }),
      ),
  },
  putEnrollment: {
    params: enrollmentParams,
    query: emptyObject,
    body: () => schemaFor<PutEnrollmentRequest>()(z.strictObject({ lookup: key(), ...enrollmentFields() })),
    response: () => schemaFor<PutEnrollmentResponse>()(z.strictObject({ expiresAt: rfc3339Time() })),
  },
  readInvitedDirectory: {
    params: enrollmentParams,
    query: emptyObject,
    body: () => schemaFor<ReadInvitedDirectoryRequest>()(z.strictObject({ lookup: key(), after: seqNumber() })),
    response: entries,
  },
  putBundle: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<PutBundleRequest>()(
        z.strictObject({
          bundle: base64Of(sessionLimits.bundleBytes),
          oneTimePrekeys: z
            .array(base64Of(sessionLimits.oneTimePrekeyBytes))
            .check(z.maxLength(sessionLimits.oneTimePrekeysSent)),
        }),
      ),
    response: () => schemaFor<PutBundleResponse>()(z.strictObject(storedBundleFields())),
  },
  getBundle: {
    params: emptyObject,
    query: emptyObject,
    body: undefined,
    response: () => schemaFor<GetBundleResponse>()(z.strictObject({ bundle: z.string(), ...storedBundleFields() })),
  },
  claimBundle: {
    params: () => z.strictObject({ device: idInPath(hashIdPattern.source, 'The id of a device') }),
    query: emptyObject,
    body: () => schemaFor<ClaimBundleRequest>()(z.strictObject({ conversation: z.optional(hashId()) })),
    response: () =>
      schemaFor<ClaimBundleResponse>()(
        z.strictObject({
          bundle: z.string(),
          oneTimePrekey: z.optional(z.string()),
          certificate: z.optional(z.string()),
        }),
      ),
  },
  putConversation: {
    params: () => z.strictObject({ conversation: idInPath(hashIdPattern.source, 'The id of a conversation') }),
    query: emptyObject,
    body: () =>
      schemaFor<PutConversationRequest>()(z.strictObject({ statement: base64Of(sessionLimits.conversationBytes) })),
    response: () =>
      schemaFor<PutConversationResponse>()(z.strictObject({ conversation: z.string(), version: integerAtLeast(1) })),
  },
  listConversations: {
    params: emptyObject,
    query: () => z.strictObject({ after: z.optional(hashId()) }),
    body: undefined,
    response: () =>
      schemaFor<ListConversationsResponse>()(
        z.strictObject({ statements: z.array(z.string()), next: z.optional(z.string()) }),
      ),
  },
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
