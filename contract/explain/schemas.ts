/** Request and response schemas of the `explain` routes. */
import * as z from 'zod/mini';
import { lazy } from '../shared/lazy.ts';
import { limits } from '../shared/limits.ts';
import { namePattern } from '../shared/name-patterns.ts';
import { documentedAs, emptyObject, rfc3339Time, schemaFor } from '../shared/schema-parts.ts';
import type { ExplainResponse } from './wire.ts';

const party = lazy(() =>
  z.strictObject({
    kind: z.enum(['api-key', 'slot', 'device', 'recovery-code', 'link', 'identity', 'function', 'operator', 'anyone']),
    id: z.optional(z.string()),
    who: z.string(),
    how: z.string(),
    until: z.optional(rfc3339Time()),
  }),
);

const segment = namePattern.source.slice(1, -1);

/** References are parsed in code, because an invalid name has a separate error code. */
const ref = lazy(() =>
  documentedAs(z.string().check(z.minLength(1), z.maxLength(512)), {
    pattern:
      `^(?:value:${segment}|blob:[0-7][0-9a-hjkmnp-tv-z]{25}|user:[0-9a-z]{16}|` +
      `memory:[0-9a-z]{16}/[A-Za-z0-9][A-Za-z0-9._-]{0,${limits.recordIdLength - 1}}|` +
      'message:[0-9a-z]{16}/[0-7][0-9a-hjkmnp-tv-z]{25}(?:-r)?|device:[0-9a-z]{16}/[0-9a-z]{16}|' +
      '(?:conversation|session-device):[0-9a-f]{32}|login:[0-9a-z]{16})$',
  }),
);

const explainRoute = {
  params: emptyObject,
  query: () => z.strictObject({ ref: ref() }),
  body: undefined,
  response: () =>
    schemaFor<ExplainResponse>()(
      z.strictObject({
        ref: z.string(),
        custody: z.enum(['org', 'link', 'user', 'device', 'session']),
        state: z.enum(['stored', 'locked', 'gone']),
        canOpen: z.array(party()),
        cannotOpen: z.array(party()),
      }),
    ),
};

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const explainSchemas = {
  explain: explainRoute,
  explainOwn: explainRoute,
} as const;
