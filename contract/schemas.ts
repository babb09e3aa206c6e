/**
 * Requests and answers as zod schemas, from which requests are checked and the OpenAPI document is made. The types
 * are those of wire.ts: `like` makes the compiler refuse a schema that differs from its type.
 */

import * as z from 'zod/mini';
import english from 'zod/v4/locales/en.js';
import { type ErrorCode, errors } from './errors.ts';
import { limits } from './limits.ts';
import { metadataKeyPattern, prefixProblem, writeIdPattern } from './names.ts';
import { type Role, roles } from './roles.ts';
import { type RouteId, routes, verbs } from './routes.ts';
import type * as wire from './wire.ts';

// Without a locale zod/mini says "Invalid input" to everything.
z.config(english());

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
/** Returns the schema; does not compile unless it stands for exactly `T`. */
const like =
  <T>() =>
  <S extends z.ZodMiniType>(schema: Same<z.output<S>, T> extends true ? S : never): S =>
    schema;

const integer = (minimum: number) => z.int().check(z.minimum(minimum));
const time = z.iso.datetime({ offset: true });
/** Names get an error code of their own, so that here they are any string; names.ts has the rule. */
const name = z.string();
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

const role = z.enum(Object.keys(roles) as [Role, ...Role[]]);
const keyName = z.string().check(z.minLength(1), z.maxLength(limits.apiKeyNameLength), z.regex(/^[^\p{C}]*$/u));

const setFields = {
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
const versionInfo = like<wire.VersionInfo>()(z.strictObject(versionFields));
const valueInfo = like<wire.ValueInfo>()(z.strictObject({ name, ...versionFields }));
const value = like<wire.Value>()(z.strictObject({ name, ...versionFields, value: z.string() }));
const itemError = z.strictObject({
  code: z.enum(Object.keys(errors) as [ErrorCode, ...ErrorCode[]]),
  title: z.string(),
  detail: z.optional(z.string()),
  currentVersion: z.optional(integer(0)),
});
const failedItem = z.strictObject({ name, ok: z.literal(false), error: itemError });
const okItem = <T extends z.ZodMiniType>(of: T) => z.strictObject({ name, ok: z.literal(true), value: of });
const batch = <T extends z.ZodMiniType>(of: T) => z.array(of).check(z.minLength(1), z.maxLength(limits.batchItems));

/** A folder, which ends in a slash, or a whole name. */
const prefixEntry = z
  .string()
  .check(z.refine((text) => prefixProblem(text) === undefined, 'Invalid input: not a name or a folder'));
const rightsFields = {
  prefixes: z.optional(z.array(prefixEntry).check(z.minLength(1), z.maxLength(limits.apiKeyPrefixes))),
  verbs: z.optional(z.array(z.enum(verbs)).check(z.minLength(1), z.maxLength(verbs.length))),
  expiresAt: z.optional(time),
};
const keyFields = {
  id: z.string(),
  role,
  name: z.optional(keyName),
  ...rightsFields,
  createdAt: time,
  lastUsedAt: z.optional(time),
  revokedAt: z.optional(time),
};
const apiKeyInfo = like<wire.ApiKeyInfo>()(z.strictObject(keyFields));
const createKeyResponse = like<wire.CreateKeyResponse>()(z.strictObject({ ...keyFields, key: z.string() }));

const orgState = z.enum(['active', 'locked', 'shredded']);
const rotationResponse = like<wire.RotationResponse>()(
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
const shredResponse = like<wire.ShredResponse>()(
  z.strictObject({
    org: z.string(),
    state: orgState,
    shredAt: z.optional(time),
    shreddedAt: z.optional(time),
    final: z.boolean(),
    receipts: z.array(z.string()),
  }),
);
const auditVerb = z.enum([...verbs, 'org.create']);
const routeIds = Object.keys(routes) as [RouteId, ...RouteId[]];
/** Exported by itself too, since what is stored is checked by it. */
export const auditRecord = like<wire.AuditRecord>()(
  z.strictObject({
    id: z.string(),
    time,
    org: z.string(),
    principal: z.string(),
    route: z.enum(routeIds),
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
const queryNumber = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  z.pipe(
    z.string().check(z.regex(/^[0-9]{1,15}$/)),
    z.pipe(z.transform(Number), z.number().check(z.minimum(minimum), z.maximum(maximum))),
  );
const pageQuery = {
  cursor: z.optional(z.string().check(z.minLength(1), z.maxLength(2048))),
  limit: z.optional(queryNumber(1, limits.pageSizeMax)),
};
const nameParams = z.strictObject({ name });
const none = z.strictObject({});

interface RouteSchemas {
  readonly params: z.ZodMiniType;
  readonly query: z.ZodMiniType;
  readonly body: z.ZodMiniType | undefined;
  readonly response: z.ZodMiniType;
}

/** What each route takes and gives. Unknown fields are refused everywhere: a misspelt option must not pass unseen. */
export const schemas = {
  getOpenApi: { params: none, query: none, body: undefined, response: z.looseObject({ openapi: z.string() }) },
  createOrg: {
    params: none,
    query: none,
    body: none,
    response: like<wire.CreateOrgResponse>()(
      z.strictObject({ org: z.string(), createdAt: time, adminKey: createKeyResponse }),
    ),
  },
  getOrg: {
    params: none,
    query: none,
    body: undefined,
    response: like<wire.OrgResponse>()(
      z.strictObject({
        org: z.string(),
        state: orgState,
        createdAt: time,
        activeVersion: integer(0),
        deks: z.array(
          z.strictObject({ version: integer(1), state: z.enum(['active', 'draining', 'retired']), createdAt: time }),
        ),
      }),
    ),
  },
  createKey: {
    params: none,
    query: none,
    body: like<wire.CreateKeyRequest>()(z.strictObject({ role, name: z.optional(keyName), ...rightsFields })),
    response: createKeyResponse,
  },
  rotateKey: {
    params: z.strictObject({ id: z.string() }),
    query: none,
    body: like<wire.RotateKeyRequest>()(
      z.strictObject({ overlapSeconds: z.optional(integer(0).check(z.maximum(limits.apiKeyOverlapMax))) }),
    ),
    response: like<wire.RotateKeyResponse>()(z.strictObject({ replacement: createKeyResponse, replaced: apiKeyInfo })),
  },
  startRotation: { params: none, query: none, body: none, response: rotationResponse },
  getRotation: { params: none, query: none, body: undefined, response: rotationResponse },
  shredOrg: {
    params: none,
    query: none,
    body: like<wire.ShredRequest>()(
      z.strictObject({
        confirm: z.string(),
        waitDays: z.optional(integer(0).check(z.maximum(limits.shredWaitDays))),
      }),
    ),
    response: shredResponse,
  },
  cancelShred: { params: none, query: none, body: undefined, response: shredResponse },
  getShred: { params: none, query: none, body: undefined, response: shredResponse },
  destroyValue: {
    params: nameParams,
    query: none,
    body: like<wire.DestroyValueRequest>()(z.strictObject({ confirm: z.string() })),
    response: like<wire.DestroyValueResponse>()(
      z.strictObject({ destroyed: z.boolean(), receipt: z.optional(z.string()) }),
    ),
  },
  queryAudit: {
    params: none,
    query: z.strictObject({
      from: z.optional(time),
      to: z.optional(time),
      principal: z.optional(z.string()),
      name: z.optional(z.string()),
      verb: z.optional(auditVerb),
      ...pageQuery,
    }),
    body: undefined,
    response: like<wire.QueryAuditResponse>()(
      z.strictObject({ records: z.array(auditRecord), cursor: z.optional(z.string()) }),
    ),
  },
  exportAudit: {
    params: none,
    query: z.strictObject({ cursor: pageQuery.cursor }),
    body: undefined,
    response: like<wire.ExportAuditResponse>()(
      z.strictObject({
        seals: z.array(z.strictObject({ seal: z.string(), records: z.array(auditRecord) })),
        cursor: z.optional(z.string()),
      }),
    ),
  },
  getPublicKeys: {
    params: none,
    query: none,
    body: undefined,
    response: like<wire.PublicKeysResponse>()(
      z.strictObject({
        keys: z.array(
          z.strictObject({
            kty: z.literal('EC'),
            crv: z.literal('P-256'),
            x: z.string(),
            y: z.string(),
            kid: z.string(),
            use: z.literal('sig'),
            alg: z.literal('ES256'),
          }),
        ),
      }),
    ),
  },
  listKeys: {
    params: none,
    query: z.strictObject(pageQuery),
    body: undefined,
    response: like<wire.ListKeysResponse>()(
      z.strictObject({ keys: z.array(z.strictObject(keyFields)), cursor: z.optional(z.string()) }),
    ),
  },
  revokeKey: {
    params: z.strictObject({ id: z.string() }),
    query: none,
    body: undefined,
    response: apiKeyInfo,
  },
  setValue: {
    params: nameParams,
    query: none,
    body: like<wire.SetValueRequest>()(z.strictObject(setFields)),
    response: valueInfo,
  },
  deleteValue: {
    params: nameParams,
    query: z.strictObject({ ifVersion: z.optional(queryNumber(1)) }),
    body: undefined,
    response: like<wire.DeleteValueResponse>()(z.strictObject({ deleted: z.boolean() })),
  },
  setValues: {
    params: none,
    query: none,
    body: like<wire.SetValuesRequest>()(z.strictObject({ items: batch(z.strictObject({ name, ...setFields })) })),
    response: like<wire.SetValuesResponse>()(
      z.strictObject({ results: z.array(z.discriminatedUnion('ok', [okItem(valueInfo), failedItem])) }),
    ),
  },
  getValue: {
    params: nameParams,
    query: z.strictObject({ version: z.optional(queryNumber(1)) }),
    body: undefined,
    response: value,
  },
  listValues: {
    params: none,
    query: z.strictObject({ ...pageQuery, prefix: z.optional(z.string()) }),
    body: undefined,
    response: like<wire.ListValuesResponse>()(
      z.strictObject({ values: z.array(valueInfo), cursor: z.optional(z.string()) }),
    ),
  },
  listVersions: {
    params: nameParams,
    query: none,
    body: undefined,
    response: like<wire.ListVersionsResponse>()(z.strictObject({ name, versions: z.array(versionInfo) })),
  },
  getValues: {
    params: none,
    query: none,
    body: like<wire.GetValuesRequest>()(z.strictObject({ names: batch(name) })),
    response: like<wire.GetValuesResponse>()(
      z.strictObject({ results: z.array(z.discriminatedUnion('ok', [okItem(value), failedItem])) }),
    ),
  },
} as const satisfies Record<RouteId, RouteSchemas>;

type Body<S> = S extends z.ZodMiniType ? z.output<S> : undefined;

/** The parsed request of a route. */
export interface RouteInput<Id extends RouteId> {
  readonly params: z.output<(typeof schemas)[Id]['params']>;
  readonly query: z.output<(typeof schemas)[Id]['query']>;
  readonly body: Body<(typeof schemas)[Id]['body']>;
}

/** The answer of a route, before it becomes JSON. */
export type RouteOutput<Id extends RouteId> = z.output<(typeof schemas)[Id]['response']>;
