/** Request and response schemas of the organization routes. */
import * as z from 'zod/mini';
import { createKeyResponse } from '../api-keys/schemas.ts';
import { lazy } from '../shared/lazy.ts';
import { emptyObject, integerAtLeast, rfc3339Time, schemaFor } from '../shared/schema-parts.ts';
import type { CreateOrgResponse, OrgResponse } from './wire.ts';

export const orgState = lazy(() => z.enum(['active', 'locked', 'shredded']));

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const orgSchemas = {
  getOpenApi: {
    params: emptyObject,
    query: emptyObject,
    body: undefined,
    response: () => z.looseObject({ openapi: z.string() }),
  },
  createOrg: {
    params: emptyObject,
    query: emptyObject,
    body: emptyObject,
    response: () =>
      schemaFor<CreateOrgResponse>()(
        z.strictObject({ org: z.string(), createdAt: rfc3339Time(), adminKey: createKeyResponse() }),
      ),
  },
  getOrg: {
    params: emptyObject,
    query: emptyObject,
    body: undefined,
    response: () =>
      schemaFor<OrgResponse>()(
        z.strictObject({
          org: z.string(),
          state: orgState(),
          createdAt: rfc3339Time(),
          activeVersion: integerAtLeast(0),
          deks: z.array(
            z.strictObject({
              version: integerAtLeast(1),
              state: z.enum(['active', 'draining', 'retired']),
              createdAt: rfc3339Time(),
            }),
          ),
        }),
      ),
  },
} as const;
