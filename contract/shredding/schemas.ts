/** What the routes of shredding take and give. */
import * as z from 'zod/mini';
import { orgState } from '../orgs/schemas.ts';
import { limits } from '../shared/limits.ts';
import { integer, like, nameParams, none, time } from '../shared/schema-parts.ts';
import type { DestroyValueRequest, DestroyValueResponse, ShredRequest, ShredResponse } from './wire.ts';

export const shredResponse = like<ShredResponse>()(
  z.strictObject({
    org: z.string(),
    state: orgState,
    shredAt: z.optional(time),
    shreddedAt: z.optional(time),
    final: z.boolean(),
    receipts: z.array(z.string()),
  }),
);

/** Rows of `schemas` (route-schemas.ts). */
export const shredSchemas = {
  shredOrg: {
    params: none,
    query: none,
    body: like<ShredRequest>()(
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
    body: like<DestroyValueRequest>()(z.strictObject({ confirm: z.string() })),
    response: like<DestroyValueResponse>()(z.strictObject({ destroyed: z.boolean(), receipt: z.optional(z.string()) })),
  },
} as const;
