/** Request and response schemas of the shredding routes. */
import * as z from 'zod/mini';
import { orgState } from '../orgs/schemas.ts';
import { lazy } from '../shared/lazy.ts';
import { limits } from '../shared/limits.ts';
import { emptyObject, integerAtLeast, nameParams, rfc3339Time, schemaFor } from '../shared/schema-parts.ts';
import type { DestroyValueRequest, DestroyValueResponse, ShredRequest, ShredResponse } from './wire.ts';

export const shredResponse = lazy(() =>
  schemaFor<ShredResponse>()(
    z.strictObject({
      org: z.string(),
      state: orgState(),
      shredAt: z.optional(rfc3339Time()),
      shreddedAt: z.optional(rfc3339Time()),
      final: z.boolean(),
      receipts: z.array(z.string()),
    }),
  ),
);

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const shredSchemas = {
  shredOrg: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<ShredRequest>()(
        z.strictObject({
          confirm: z.string(),
          waitDays: z.optional(integerAtLeast(0).check(z.maximum(limits.shredWaitDays))),
        }),
      ),
    response: shredResponse,
  },
  cancelShred: { params: emptyObject, query: emptyObject, body: undefined, response: shredResponse },
  getShred: { params: emptyObject, query: emptyObject, body: undefined, response: shredResponse },
  destroyValue: {
    params: nameParams,
    query: emptyObject,
    body: () => schemaFor<DestroyValueRequest>()(z.strictObject({ confirm: z.string() })),
    response: () =>
      schemaFor<DestroyValueResponse>()(z.strictObject({ destroyed: z.boolean(), receipt: z.optional(z.string()) })),
  },
} as const;
