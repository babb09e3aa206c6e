/**
 * Request and response schemas of all routes. Requests are validated with them, and the OpenAPI document is generated
 * from them.
 */
import type * as z from 'zod/mini';
import { apiKeySchemas } from './api-keys/schemas.ts';
import { approvalSchemas } from './approvals/schemas.ts';
import { auditSchemas } from './audit/schemas.ts';
import { blobSchemas } from './blobs/schemas.ts';
import { brokerSchemas } from './broker/schemas.ts';
import { conversationSchemas } from './conversations/schemas.ts';
import { deviceSchemas } from './devices/schemas.ts';
import { explainSchemas } from './explain/schemas.ts';
import { loginSchemas } from './logins/schemas.ts';
import { memorySchemas } from './memory/schemas.ts';
import { orgSchemas } from './orgs/schemas.ts';
import { rotationSchemas } from './rotation/schemas.ts';
import type { RouteId } from './routes.ts';
import { secretRequestSchemas } from './secret-requests/schemas.ts';
import { directorySchemas } from './sessions/directory-schemas.ts';
import { relaySchemas } from './sessions/relay-schemas.ts';
import { lazySchemas, type SchemaBuilders } from './shared/lazy-schemas.ts';
import { shredSchemas } from './shredding/schemas.ts';
import { userSchemas } from './users/schemas.ts';
import { valueSchemas } from './values/schemas.ts';

/**
 * Schemas by route, built at first access. Unknown fields are rejected everywhere, so that a misspelled option is not
 * ignored.
 */
export const routeSchemas = lazySchemas({
  ...orgSchemas,
  ...apiKeySchemas,
  ...loginSchemas,
  ...secretRequestSchemas,
  ...rotationSchemas,
  ...shredSchemas,
  ...auditSchemas,
  ...valueSchemas,
  ...brokerSchemas,
  ...blobSchemas,
  ...userSchemas,
  ...memorySchemas,
  ...deviceSchemas,
  ...directorySchemas,
  ...relaySchemas,
  ...approvalSchemas,
  ...conversationSchemas,
  ...explainSchemas,
} as const satisfies Record<RouteId, SchemaBuilders>);

type Body<S> = S extends z.ZodMiniType ? z.output<S> : undefined;

/** The parsed request of a route. */
export interface RouteInput<Id extends RouteId> {
  readonly params: z.output<(typeof routeSchemas)[Id]['params']>;
  readonly query: z.output<(typeof routeSchemas)[Id]['query']>;
  readonly body: Body<(typeof routeSchemas)[Id]['body']>;
}

/** The response of a route before JSON encoding. */
export type RouteOutput<Id extends RouteId> = z.output<(typeof routeSchemas)[Id]['response']>;
