/** Request and response schemas of the `explain` routes. */
import * as z from 'zod/mini';
import { emptyObject, rfc3339Time, schemaFor } from '../shared/schema-parts.ts';
import type { ExplainResponse } from './wire.ts';

const party = z.strictObject({
  kind: z.enum(['api-key', 'slot', 'link', 'function', 'operator', 'anyone']),
  id: z.optional(z.string()),
  who: z.string(),
  how: z.string(),
  until: z.optional(rfc3339Time),
});

const explainRoute = {
  params: emptyObject,
  query: z.strictObject({ ref: z.string().check(z.minLength(1), z.maxLength(512)) }),
  body: undefined,
  response: schemaFor<ExplainResponse>()(
    z.strictObject({
      ref: z.string(),
      custody: z.enum(['org', 'link', 'user']),
      state: z.enum(['stored', 'locked', 'gone']),
      canOpen: z.array(party),
      cannotOpen: z.array(party),
    }),
  ),
};

/** Entries of `routeSchemas` (route-schemas.ts). */
export const explainSchemas = {
  explain: explainRoute,
  explainOwn: explainRoute,
} as const;
