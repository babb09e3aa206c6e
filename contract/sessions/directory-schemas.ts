/** Request and response schemas of the routes of the directory. */

import * as z from 'zod/mini';
import { lazy } from '../shared/lazy.ts';
import {
  base64Of,
  emptyObject,
  integerAtLeast,
  opaqueId,
  queryNumber,
  rfc3339Time,
  schemaFor,
} from '../shared/schema-parts.ts';
import { sessionLimits } from './limits.ts';
import { hashId, hashIdPattern, idInPath, key, seqNumber, signature } from './schema-parts.ts';
import type {
  AppendDirectoryRequest,
  AppendDirectoryResponse,
  BeginEnrollmentRequest,
  BeginEnrollmentResponse,
  ClaimBundleRequest,
  ClaimBundleResponse,
  CreateInviteRequest,
  CreateInviteResponse,
  DeleteInviteResponse,
  GetBundleResponse,
  ListConversationsResponse,
  ListInvitesResponse,
  PutBundleRequest,
  PutBundleResponse,
  PutConversationRequest,
  PutConversationResponse,
  PutEnrollmentRequest,
  PutEnrollmentResponse,
  ReadCheckpointResponse,
  ReadDirectoryResponse,
  ReadInvitedDirectoryRequest,
} from './wire.ts';

const role = lazy(() => z.enum(['owner', 'agent', 'broker']));

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

/** Builders of entries of `routeSchemas` (route-schemas.ts): the directory, enrollment, prekeys and conversations. */
export const directorySchemas = {
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
} as const;
