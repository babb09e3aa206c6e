/** Request and response schemas of the routes of approvals. */
import * as z from 'zod/mini';
import { upstreamClasses } from '../broker/limits.ts';
import { lazy } from '../shared/lazy.ts';
import {
  base64Of,
  documentedAs,
  emptyObject,
  errorCodes,
  opaqueId,
  pageQueryFields,
  queryNumber,
  rfc3339Time,
  schemaFor,
} from '../shared/schema-parts.ts';
import { activityLimits, approvalLimits as limits, questionRefusals } from './limits.ts';
import type {
  AnswerApprovalRequest,
  AnswerApprovalResponse,
  ApproverKeyResponse,
  BrokerKeysResponse,
  GetPersonKeyResponse,
  ListActivityResponse,
  ListApprovalsResponse,
  PutApprovalKeyRequest,
  PutApprovalKeyResponse,
  PutPersonKeyRequest,
  PutPersonKeyResponse,
} from './wire.ts';

/** Any string, so that a malformed id gets the answer of one that does not exist. */
const approvalParams = lazy(() =>
  z.strictObject({
    approval: documentedAs(z.string(), { pattern: '^[0-9a-z]{16}$', description: 'Id of an approval' }),
  }),
);

const listedUse = lazy(() =>
  z.strictObject({
    id: z.string(),
    time: rfc3339Time(),
    requestId: z.string(),
    statement: z.string(),
    signature: z.string(),
    answer: z.string(),
    result: z.optional(z.enum(['ok', ...errorCodes()])),
    upstream: z.optional(z.enum(upstreamClasses)),
  }),
);

const listedTripwires = lazy(() =>
  z.strictObject({
    id: z.string(),
    time: rfc3339Time(),
    requestId: z.string(),
    names: z.array(z.string()),
    principal: z.string(),
    result: z.enum(['ok', 'started', 'pending', ...errorCodes()]),
    sourceIp: z.string(),
    agent: z.optional(z.string()),
    run: z.optional(z.string()),
  }),
);

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const approvalSchemas = {
  getBrokerKeys: {
    params: () => z.strictObject({ person: opaqueId() }),
    query: emptyObject,
    body: undefined,
    response: () =>
      schemaFor<BrokerKeysResponse>()(z.strictObject({ device: z.string(), ik: z.string(), dh: z.string() })),
  },
  putApprovalKey: {
    params: emptyObject,
    query: emptyObject,
    body: () => schemaFor<PutApprovalKeyRequest>()(z.strictObject({ statement: base64Of(limits.keyBytes) })),
    response: () => schemaFor<PutApprovalKeyResponse>()(z.strictObject({ device: z.string() })),
  },
  putPersonKey: {
    params: emptyObject,
    query: emptyObject,
    body: () => schemaFor<PutPersonKeyRequest>()(z.strictObject({ statement: base64Of(limits.personKeyBytes) })),
    response: () => schemaFor<PutPersonKeyResponse>()(z.strictObject({ edition: z.int() })),
  },
  getPersonKey: {
    params: emptyObject,
    query: emptyObject,
    body: undefined,
    response: () =>
      schemaFor<GetPersonKeyResponse>()(
        z.strictObject({
          statement: z.optional(z.string()),
          devices: z.array(z.strictObject({ device: z.string(), statement: z.string() })),
        }),
      ),
  },
  getApproverKey: {
    params: () => z.strictObject({ person: opaqueId() }),
    query: emptyObject,
    body: undefined,
    response: () => schemaFor<ApproverKeyResponse>()(z.strictObject({ statement: z.string() })),
  },
  listApprovals: {
    params: emptyObject,
    query: emptyObject,
    body: undefined,
    response: () =>
      schemaFor<ListApprovalsResponse>()(
        z.strictObject({
          approvals: z.array(z.strictObject({ approval: z.string(), question: z.string(), expiresAt: rfc3339Time() })),
        }),
      ),
  },
  answerApproval: {
    params: approvalParams,
    query: emptyObject,
    body: () =>
      schemaFor<AnswerApprovalRequest>()(
        z.union([
          z.strictObject({
            answer: base64Of(limits.answerBytes),
            shares: z.optional(base64Of(limits.sharesBytes)),
          }),
          z.strictObject({ refused: z.enum(questionRefusals) }),
        ]),
      ),
    response: () => schemaFor<AnswerApprovalResponse>()(z.strictObject({ approval: z.string() })),
  },
  listActivity: {
    params: emptyObject,
    query: () =>
      z.strictObject({
        from: z.optional(rfc3339Time()),
        cursor: pageQueryFields().cursor,
        limit: z.optional(queryNumber(1, activityLimits.pageMax)),
      }),
    body: undefined,
    response: () =>
      schemaFor<ListActivityResponse>()(
        z.strictObject({
          uses: z.array(listedUse()),
          tripwires: z.array(listedTripwires()),
          cursor: z.optional(z.string()),
        }),
      ),
  },
} as const;
