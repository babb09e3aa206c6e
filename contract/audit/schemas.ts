/** Request and response schemas of the audit routes. */

import * as z from 'zod/mini';
import { upstreamClasses } from '../broker/limits.ts';
import { useMethods } from '../broker/usage-rules.ts';
import { type RouteId, routes } from '../routes.ts';
import { lazy } from '../shared/lazy.ts';
import { limits } from '../shared/limits.ts';
import { damaged, emptyObject, errorCodes, pageQueryFields, rfc3339Time, schemaFor } from '../shared/schema-parts.ts';
import { auditOnlyVerbs, verbs } from '../shared/verbs.ts';
import type { AuditRecord, ExportAuditResponse, PublicKeysResponse, QueryAuditResponse } from './wire.ts';

export const auditVerb = lazy(() => z.enum([...verbs, ...auditOnlyVerbs]));

const routeIds = Object.keys(routes) as [RouteId, ...RouteId[]];

/** An audit record. Stored records are also checked with this schema. */
export const auditRecord = lazy(() =>
  schemaFor<AuditRecord>()(
    z.strictObject({
      id: z.string(),
      time: rfc3339Time(),
      org: z.string(),
      principal: z.string(),
      login: z.optional(z.string()),
      subject: z.optional(z.string()),
      route: z.enum([...routeIds, 'worker']),
      verb: auditVerb(),
      name: z.optional(z.string()),
      names: z.optional(z.array(z.string())),
      failed: z.optional(z.array(z.string())),
      host: z.optional(z.string()),
      method: z.optional(z.enum(useMethods)),
      upstream: z.optional(z.enum(upstreamClasses)),
      approval: z.optional(z.string()),
      statement: z.optional(z.string()),
      signature: z.optional(z.string()),
      answer: z.optional(z.string()),
      tripwires: z.optional(z.array(z.string())),
      result: z.enum(['ok', 'started', 'pending', ...errorCodes()]),
      requestId: z.string(),
      sourceIp: z.string(),
      viewerIp: z.optional(z.string()),
      agent: z.optional(z.string()),
      run: z.optional(z.string()),
      toolCall: z.optional(z.string()),
    }),
  ),
);

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const auditSchemas = {
  queryAudit: {
    params: emptyObject,
    query: () =>
      z.strictObject({
        from: z.optional(rfc3339Time()),
        to: z.optional(rfc3339Time()),
        principal: z.optional(z.string().check(z.maxLength(1024), z.regex(/^[\x21-\x7e]*$/))),
        name: z.optional(z.string().check(z.maxLength(limits.nameLength), z.regex(/^[\x21-\x7e]*$/))),
        verb: z.optional(auditVerb()),
        ...pageQueryFields(),
      }),
    body: undefined,
    response: () =>
      schemaFor<QueryAuditResponse>()(
        z.strictObject({ records: z.array(auditRecord()), damaged: damaged(), cursor: z.optional(z.string()) }),
      ),
  },
  exportAudit: {
    params: emptyObject,
    query: () => z.strictObject({ cursor: pageQueryFields().cursor }),
    body: undefined,
    response: () =>
      schemaFor<ExportAuditResponse>()(
        z.strictObject({
          seals: z.array(z.strictObject({ seal: z.string(), records: z.array(auditRecord()) })),
          cursor: z.optional(z.string()),
        }),
      ),
  },
  getPublicKeys: {
    params: emptyObject,
    query: emptyObject,
    body: undefined,
    response: () =>
      schemaFor<PublicKeysResponse>()(
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
} as const;
