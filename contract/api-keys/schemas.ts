/** Request and response schemas of the API key routes. */
import * as z from 'zod/mini';
import { lazy } from '../shared/lazy.ts';
import { limits } from '../shared/limits.ts';
import { prefixPattern, prefixProblem } from '../shared/name-patterns.ts';
import { type Role, roles } from '../shared/roles.ts';
import {
  damaged,
  documentedAs,
  emptyObject,
  idParams,
  integerAtLeast,
  pageQueryFields,
  rfc3339Time,
  schemaFor,
  textOf,
} from '../shared/schema-parts.ts';
import { verbs } from '../shared/verbs.ts';
import type {
  ApiKeyInfo,
  CreateKeyRequest,
  CreateKeyResponse,
  ListKeysResponse,
  RotateKeyRequest,
  RotateKeyResponse,
} from './wire.ts';

export const role = lazy(() => z.enum(Object.keys(roles) as [Role, ...Role[]]));

export const apiKeyName = lazy(() => textOf(1, limits.apiKeyNameLength).check(z.regex(/^[^\p{C}]*$/u)));

/** A folder (ends in a slash) or a complete name. */
const namePrefix = lazy(() =>
  documentedAs(
    z
      .string()
      .check(z.refine((text) => prefixProblem(text) === undefined, 'Invalid input: neither a name nor a folder')),
    { maxLength: limits.nameLength, pattern: prefixPattern.source },
  ),
);

/** Verbs outside the role are refused, because they would have no effect. */
export const verbsOfRole = lazy(() =>
  Object.entries(roles).map(([name, granted]) => ({
    properties: { role: { const: name }, verbs: { items: { enum: [...granted] } } },
  })),
);

export const keyRestrictionFields = lazy(() => ({
  prefixes: z.optional(z.array(namePrefix()).check(z.minLength(1), z.maxLength(limits.apiKeyPrefixes))),
  verbs: z.optional(z.array(z.enum(verbs)).check(z.minLength(1), z.maxLength(verbs.length))),
  expiresAt: z.optional(rfc3339Time()),
}));

export const apiKeyInfoFields = lazy(() => ({
  id: z.string(),
  role: role(),
  name: z.optional(apiKeyName()),
  ...keyRestrictionFields(),
  createdAt: rfc3339Time(),
  lastUsedAt: z.optional(rfc3339Time()),
  revokedAt: z.optional(rfc3339Time()),
  origin: z.optional(z.strictObject({ login: z.string(), subject: z.string() })),
}));

export const apiKeyInfo = lazy(() => schemaFor<ApiKeyInfo>()(z.strictObject(apiKeyInfoFields())));

export const createKeyResponse = lazy(() =>
  schemaFor<CreateKeyResponse>()(z.strictObject({ ...apiKeyInfoFields(), key: z.string() })),
);

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const apiKeySchemas = {
  createKey: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<CreateKeyRequest>()(
        documentedAs(z.strictObject({ role: role(), name: z.optional(apiKeyName()), ...keyRestrictionFields() }), {
          anyOf: verbsOfRole(),
        }),
      ),
    response: createKeyResponse,
  },
  rotateKey: {
    params: idParams,
    query: emptyObject,
    body: () =>
      schemaFor<RotateKeyRequest>()(
        z.strictObject({ overlapSeconds: z.optional(integerAtLeast(0).check(z.maximum(limits.apiKeyOverlapMax))) }),
      ),
    response: () =>
      schemaFor<RotateKeyResponse>()(z.strictObject({ replacement: createKeyResponse(), replaced: apiKeyInfo() })),
  },
  listKeys: {
    params: emptyObject,
    query: () => z.strictObject(pageQueryFields()),
    body: undefined,
    response: () =>
      schemaFor<ListKeysResponse>()(
        z.strictObject({
          keys: z.array(z.strictObject(apiKeyInfoFields())),
          damaged: damaged(),
          cursor: z.optional(z.string()),
        }),
      ),
  },
  revokeKey: {
    params: idParams,
    query: emptyObject,
    body: undefined,
    response: apiKeyInfo,
  },
} as const;
