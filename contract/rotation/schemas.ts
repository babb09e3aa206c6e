/** What the routes of rotation take and give. */
import * as z from 'zod/mini';
import { integer, like, none, time } from '../shared/schema-parts.ts';
import type { RotationResponse } from './wire.ts';

export const rotationResponse = like<RotationResponse>()(
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

/** Rows of `schemas` (route-schemas.ts). */
export const rotationSchemas = {
  startRotation: { params: none, query: none, body: none, response: rotationResponse },
  getRotation: { params: none, query: none, body: undefined, response: rotationResponse },
} as const;
