/** Request and response schemas of the rotation routes. */
import * as z from 'zod/mini';
import { lazy } from '../shared/lazy.ts';
import { emptyObject, integerAtLeast, rfc3339Time, schemaFor } from '../shared/schema-parts.ts';
import type { RotationResponse } from './wire.ts';

export const rotationResponse = lazy(() =>
  schemaFor<RotationResponse>()(
    z.strictObject({
      rotation: z.optional(
        z.strictObject({
          id: integerAtLeast(1),
          state: z.enum(['running', 'draining', 'done']),
          to: integerAtLeast(1),
          startedAt: rfc3339Time(),
          finishedAt: z.optional(rfc3339Time()),
          counted: integerAtLeast(0),
          total: integerAtLeast(0),
          reencrypted: integerAtLeast(0),
          damaged: integerAtLeast(0),
        }),
      ),
    }),
  ),
);

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const rotationSchemas = {
  startRotation: { params: emptyObject, query: emptyObject, body: emptyObject, response: rotationResponse },
  getRotation: { params: emptyObject, query: emptyObject, body: undefined, response: rotationResponse },
} as const;
