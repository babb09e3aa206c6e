/** What the routes of `explain` take and give. */
import * as z from 'zod/mini';
import { like, none, time } from '../shared/schema-parts.ts';
import type { ExplainResponse } from './wire.ts';

const party = z.strictObject({
  kind: z.enum(['api-key', 'slot', 'link', 'function', 'operator', 'anyone']),
  id: z.optional(z.string()),
  who: z.string(),
  how: z.string(),
  until: z.optional(time),
});

const explain = {
  params: none,
  query: z.strictObject({ ref: z.string().check(z.minLength(1), z.maxLength(512)) }),
  body: undefined,
  response: like<ExplainResponse>()(
    z.strictObject({
      ref: z.string(),
      custody: z.enum(['org', 'link', 'user']),
      state: z.enum(['stored', 'locked', 'gone']),
      canOpen: z.array(party),
      cannotOpen: z.array(party),
    }),
  ),
};

/** Rows of `schemas` (route-schemas.ts). */
export const explainSchemas = {
  explain,
  explainOwn: explain,
} as const;
