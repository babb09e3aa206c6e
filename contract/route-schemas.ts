/** What each route takes and gives, from which requests are checked and the OpenAPI document is made. */
import * as z from 'zod/mini';
import { blobSchemas } from './blobs/schemas.ts';
import type { RouteId } from './routes.ts';
import { limits } from './shared/limits.ts';
import {
  apiKeyInfo,
  auditRecord,
  auditVerb,
  batch,
  createKeyResponse,
  failedItem,
  idParams,
  integer,
  keyFields,
  keyName,
  like,
  name,
  nameParams,
  none,
  okItem,
  orgState,
  pageQuery,
  queryNumber,
  rightsFields,
  role,
  rotationResponse,
  setFields,
  shredResponse,
  time,
  value,
  valueInfo,
  versionInfo,
} from './shared/schema-parts.ts';
import type * as wire from './shared/wire.ts';
import { userSchemas } from './users/schemas.ts';

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
    params: idParams,
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
    params: idParams,
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
  ...blobSchemas,
  ...userSchemas,
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
