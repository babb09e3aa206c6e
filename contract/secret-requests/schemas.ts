/** Request and response schemas of the routes of requests for a secret. */
import * as z from 'zod/mini';
import { lazy } from '../shared/lazy.ts';
import {
  base64Of,
  emptyObject,
  idParams,
  idText,
  name,
  opaqueId,
  rfc3339Time,
  schemaFor,
  textOf,
} from '../shared/schema-parts.ts';
import { secretRequestLimits as limits, secretRequestStates } from './limits.ts';
import type {
  CreatedSecretRequest,
  CreateSecretRequest,
  DeniedSecretRequest,
  FilledSecretRequest,
  FillSecretRequest,
  SecretLinkProof,
  SecretRequestStatus,
  ShownSecretRequest,
} from './wire.ts';

const status = lazy(() =>
  schemaFor<SecretRequestStatus>()(
    z.strictObject({
      id: opaqueId(),
      name: name(),
      state: z.enum(secretRequestStates),
      createdAt: rfc3339Time(),
      expiresAt: rfc3339Time(),
      closedAt: z.optional(rfc3339Time()),
    }),
  ),
);

/** Any string, like ids: a malformed link is reported as not found. */
const linkParams = lazy(() => z.strictObject({ link: idText() }));

const proof = () => z.string().check(z.regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/));

const proofOnly = lazy(() => schemaFor<SecretLinkProof>()(z.strictObject({ proof: proof() })));

/** What a request says to the person who is asked. The stored record has the same members. */
export const secretRequestFields = lazy(() => ({
  name: name(),
  why: textOf(1, limits.whyLength),
}));

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const secretRequestSchemas = {
  createSecretRequest: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<CreateSecretRequest>()(
        z.strictObject({
          ...secretRequestFields(),
          expiresIn: z.optional(z.int().check(z.minimum(limits.expiresInMin), z.maximum(limits.expiresInMax))),
          replace: z.optional(z.literal(true)),
        }),
      ),
    response: () =>
      schemaFor<CreatedSecretRequest>()(
        z.strictObject({
          id: opaqueId(),
          url: z.string(),
          name: name(),
          createdAt: rfc3339Time(),
          expiresAt: rfc3339Time(),
        }),
      ),
  },
  getSecretRequest: { params: idParams, query: emptyObject, body: undefined, response: status },
  cancelSecretRequest: { params: idParams, query: emptyObject, body: undefined, response: status },
  lookAtSecretRequest: {
    params: linkParams,
    query: emptyObject,
    body: proofOnly,
    response: () =>
      schemaFor<ShownSecretRequest>()(
        z.strictObject({
          ...secretRequestFields(),
          replace: z.boolean(),
          requestedBy: z.string(),
          createdAt: rfc3339Time(),
          expiresAt: rfc3339Time(),
        }),
      ),
  },
  fillSecretRequest: {
    params: linkParams,
    query: emptyObject,
    body: () =>
      schemaFor<FillSecretRequest>()(z.strictObject({ proof: proof(), sealed: base64Of(limits.sealedBytes) })),
    response: () => schemaFor<FilledSecretRequest>()(z.strictObject({ filled: z.literal(true) })),
  },
  denySecretRequest: {
    params: linkParams,
    query: emptyObject,
    body: proofOnly,
    response: () => schemaFor<DeniedSecretRequest>()(z.strictObject({ denied: z.literal(true) })),
  },
} as const;
