/** What the routes of organizations take and give. */
import * as z from 'zod/mini';
import { createKeyResponse } from '../api-keys/schemas.ts';
import { integer, like, none, time } from '../shared/schema-parts.ts';
import type { CreateOrgResponse, OrgResponse } from './wire.ts';

export const orgState = z.enum(['active', 'locked', 'shredded']);

/** Rows of `schemas` (route-schemas.ts). */
export const orgSchemas = {
  getOpenApi: { params: none, query: none, body: undefined, response: z.looseObject({ openapi: z.string() }) },
  createOrg: {
    params: none,
    query: none,
    body: none,
    response: like<CreateOrgResponse>()(
      z.strictObject({ org: z.string(), createdAt: time, adminKey: createKeyResponse }),
    ),
  },
  getOrg: {
    params: none,
    query: none,
    body: undefined,
    response: like<OrgResponse>()(
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
} as const;
