/**
 * The shapes that routes share, as zod schemas. The types are those of wire.ts: `like` makes the compiler refuse a
 * schema that differs from its type.
 */
import * as z from 'zod/mini';
import english from 'zod/v4/locales/en.js';
import { type RouteId, recordedVerbs, routes, verbs } from '../routes.ts';
import { type ErrorCode, errors } from './error-codes.ts';
import { limits } from './limits.ts';
import { metadataKeyPattern, prefixProblem, writeIdPattern } from './name-patterns.ts';
import { type Role, roles } from './roles.ts';
import type * as wire from './wire.ts';

// Without a locale zod/mini says "Invalid input" to everything.
z.config(english());

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
/** Returns the schema; does not compile unless it stands for exactly `T`. */
export const like =
  <T>() =>
  <S extends z.ZodMiniType>(schema: Same<z.output<S>, T> extends true ? S : never): S =>
    schema;

export const integer = (minimum: number) => z.int().check(z.minimum(minimum));
export const time = z.iso.datetime({ offset: true });
/** Names get an error code of their own, so that here they are any string; names.ts has the rule. */
export const name = z.string();
const metadata = z
  .record(
    z.string().check(z.regex(metadataKeyPattern)),
    z.string().check(
      z.maxLength(limits.metadataValueLength),
      z.refine((text) => text.isWellFormed(), 'Invalid input: not well-formed Unicode'),
    ),
  )
  .check(
    z.refine(
      (all) => Object.keys(all).length <= limits.metadataEntries,
      `Too big: expected at most ${limits.metadataEntries} entries`,
    ),
  );

export const role = z.enum(Object.keys(roles) as [Role, ...Role[]]);
export const keyName = z.string().check(z.minLength(1), z.maxLength(limits.apiKeyNameLength), z.regex(/^[^\p{C}]*$/u));

export const setFields = {
  // A lone surrogate has no UTF-8, so it would come back as another character.
  value: z.string().check(z.refine((text) => text.isWellFormed(), 'Invalid input: not well-formed Unicode')),
  metadata: z.optional(metadata),
  expiresAt: z.optional(time),
  ifVersion: z.optional(integer(0)),
  writeId: z.optional(z.string().check(z.regex(writeIdPattern))),
};
const versionFields = {
  version: integer(1),
  createdAt: time,
  expiresAt: z.optional(time),
  metadata: z.record(z.string(), z.string()),
};
export const versionInfo = like<wire.VersionInfo>()(z.strictObject(versionFields));
export const valueInfo = like<wire.ValueInfo>()(z.strictObject({ name, ...versionFields }));
export const value = like<wire.Value>()(z.strictObject({ name, ...versionFields, value: z.string() }));
export const itemError = z.strictObject({
  code: z.enum(Object.keys(errors) as [ErrorCode, ...ErrorCode[]]),
  title: z.string(),
  detail: z.optional(z.string()),
  currentVersion: z.optional(integer(0)),
});
export const failedItem = z.strictObject({ name, ok: z.literal(false), error: itemError });
export const okItem = <T extends z.ZodMiniType>(of: T) => z.strictObject({ name, ok: z.literal(true), value: of });
export const batch = <T extends z.ZodMiniType>(of: T) =>
  z.array(of).check(z.minLength(1), z.maxLength(limits.batchItems));

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
export const apiKeyInfo = like<wire.ApiKeyInfo>()(z.strictObject(keyFields));
export const createKeyResponse = like<wire.CreateKeyResponse>()(z.strictObject({ ...keyFields, key: z.string() }));

export const orgState = z.enum(['active', 'locked', 'shredded']);
export const rotationResponse = like<wire.RotationResponse>()(
  z.strictObject({
    rotation: z.optional(
      z.strictObject({
        id: integer(1),
        state: z.enum(['running', 'draining', 'done']),
        to: integer(1),
        startedAt: time,
        finishedAt: z.optional(time),
        counted: integer(0),
        total: integer(0),
        reencrypted: integer(0),
        damaged: integer(0),
      }),
    ),
  }),
);
export const shredResponse = like<wire.ShredResponse>()(
  z.strictObject({
    org: z.string(),
    state: orgState,
    shredAt: z.optional(time),
    shreddedAt: z.optional(time),
    final: z.boolean(),
    receipts: z.array(z.string()),
  }),
);
export const auditVerb = z.enum([...verbs, ...recordedVerbs]);
const routeIds = Object.keys(routes) as [RouteId, ...RouteId[]];
/** A record of the audit; what is stored is checked by it too. */
export const auditRecord = like<wire.AuditRecord>()(
  z.strictObject({
    id: z.string(),
    time,
    org: z.string(),
    principal: z.string(),
    route: z.enum([...routeIds, 'worker']),
    verb: auditVerb,
    name: z.optional(z.string()),
    names: z.optional(z.array(z.string())),
    failed: z.optional(z.array(z.string())),
    result: z.enum(['ok', ...(Object.keys(errors) as [ErrorCode, ...ErrorCode[]])]),
    requestId: z.string(),
    sourceIp: z.string(),
    agent: z.optional(z.string()),
    run: z.optional(z.string()),
    toolCall: z.optional(z.string()),
  }),
);

/** A number in a query string: digits only, so that "", "1e3" and "0x1" are refused. */
export const queryNumber = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  z.pipe(
    z.string().check(z.regex(/^[0-9]{1,15}$/)),
    z.pipe(z.transform(Number), z.number().check(z.minimum(minimum), z.maximum(maximum))),
  );
export const pageQuery = {
  cursor: z.optional(z.string().check(z.minLength(1), z.maxLength(2048))),
  limit: z.optional(queryNumber(1, limits.pageSizeMax)),
};
export const nameParams = z.strictObject({ name });
/** Ids that can't be are not found, like those that are not there: here they are any string. */
export const idParams = z.strictObject({ id: z.string() });
export const none = z.strictObject({});
