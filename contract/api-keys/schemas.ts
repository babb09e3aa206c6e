/** What the routes of API keys take and give. */
import * as z from 'zod/mini';
import { limits } from '../shared/limits.ts';
import { prefixProblem } from '../shared/name-patterns.ts';
import { type Role, roles } from '../shared/roles.ts';
import { idParams, integer, like, none, pageQuery, time } from '../shared/schema-parts.ts';
import { verbs } from '../shared/verbs.ts';
import type {
  ApiKeyInfo,
  CreateKeyRequest,
  CreateKeyResponse,
  ListKeysResponse,
  RotateKeyRequest,
  RotateKeyResponse,
} from './wire.ts';

export const role = z.enum(Object.keys(roles) as [Role, ...Role[]]);

export const keyName = z.string().check(z.minLength(1), z.maxLength(limits.apiKeyNameLength), z.regex(/^[^\p{C}]*$/u));

/** A folder, which ends in a slash, or a whole name. */
const prefixEntry = z
  .string()
  .check(z.refine((text) => prefixProblem(text) === undefined, 'Invalid input: not a name or a folder'));

export const rightsFields = {
  prefixes: z.optional(z.array(prefixEntry).check(z.minLength(1), z.maxLength(limits.apiKeyPrefixes))),
  verbs: z.optional(z.array(z.enum(verbs)).check(z.minLength(1), z.maxLength(verbs.length))),
  expiresAt: z.optional(time),
};

export const keyFields = {
  id: z.string(),
  role,
  name: z.optional(keyName),
  ...rightsFields,
  createdAt: time,
  lastUsedAt: z.optional(time),
  revokedAt: z.optional(time),
};

export const apiKeyInfo = like<ApiKeyInfo>()(z.strictObject(keyFields));

export const createKeyResponse = like<CreateKeyResponse>()(z.strictObject({ ...keyFields, key: z.string() }));

/** Rows of `schemas` (route-schemas.ts). */
export const apiKeySchemas = {
  createKey: {
    params: none,
    query: none,
    body: like<CreateKeyRequest>()(z.strictObject({ role, name: z.optional(keyName), ...rightsFields })),
    response: createKeyResponse,
  },
  rotateKey: {
    params: idParams,
    query: none,
    body: like<RotateKeyRequest>()(
      z.strictObject({ overlapSeconds: z.optional(integer(0).check(z.maximum(limits.apiKeyOverlapMax))) }),
    ),
    response: like<RotateKeyResponse>()(z.strictObject({ replacement: createKeyResponse, replaced: apiKeyInfo })),
  },
  listKeys: {
    params: none,
    query: z.strictObject(pageQuery),
    body: undefined,
    response: like<ListKeysResponse>()(
      z.strictObject({ keys: z.array(z.strictObject(keyFields)), cursor: z.optional(z.string()) }),
    ),
  },
  revokeKey: {
    params: idParams,
    query: none,
    body: undefined,
    response: apiKeyInfo,
  },
} as const;
