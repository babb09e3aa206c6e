import { apiKeyRoutes } from './api-keys/routes.ts';
import { auditRoutes } from './audit/routes.ts';
import { blobRoutes } from './blobs/routes.ts';
import { conversationRoutes } from './conversations/routes.ts';
import { explainRoutes } from './explain/routes.ts';
import { memoryRoutes } from './memory/routes.ts';
import { orgRoutes } from './orgs/routes.ts';
import { rotationRoutes } from './rotation/routes.ts';
import { type AuditOnlyVerb, type Verb, verbs } from './shared/verbs.ts';
import { shredRoutes } from './shredding/routes.ts';
import { userRoutes } from './users/routes.ts';
import { valueRoutes } from './values/routes.ts';

/**
 * Who may call a route: an API key, a user by its user key or session, an AWS principal of the deployment's account (SigV4), a
 * provider of messages by its signature, or anyone.
 */
export type RouteAuth = 'api-key' | 'user' | 'iam' | 'signature' | 'none';

/**
 * One function is deployed per group, with a role of its own: what a group's routes need and no more.
 * Routes of a group share warm keys and connections.
 */
export const routeGroups = [
  'public',
  'operator',
  'admin',
  'reader',
  'writer',
  'rotator',
  'shredder',
  'auditor',
  'blobs',
  'links',
  'users',
  'accounts',
  'memory',
  'webhooks',
  'explainer',
] as const;
export type RouteGroup = (typeof routeGroups)[number];

/** Functions without routes, which others invoke, a schedule starts or a deployment calls: one each, with a role of its own. */
export const backgroundFunctions = [
  'rotation-workflow',
  'shred-workflow',
  'sealer',
  'publisher',
  'provider-secrets',
  'worker',
  'responder',
] as const;
export type BackgroundFunction = (typeof backgroundFunctions)[number];

interface RouteRow {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Path of API Gateway: `{x}` is one segment, `{x+}` the rest. */
  readonly path: string;
  readonly group: RouteGroup;
  readonly auth: RouteAuth;
  /** For `api-key` routes: the verb it takes. For others: under what it is recorded, where they are audited. */
  readonly verb?: Verb | AuditOnlyVerb;
  /** HTTP status of success. */
  readonly status: 200 | 201;
}

/** Every route of the service, said once: lib deploys them, handlers serve them, the SDK calls them. */
export const routes = {
  ...orgRoutes,
  ...apiKeyRoutes,
  ...rotationRoutes,
  ...shredRoutes,
  ...auditRoutes,
  ...valueRoutes,
  ...blobRoutes,
  ...userRoutes,
  ...memoryRoutes,
  ...conversationRoutes,
  ...explainRoutes,
} as const satisfies Record<string, RouteRow>;

export type RouteId = keyof typeof routes;

/** Route keys as API Gateway writes them: `GET /v1/org`. */
export const routeKey = (id: RouteId): string => `${routes[id].method} ${routes[id].path}`;

const isVerb = (verb: Verb | AuditOnlyVerb | undefined): verb is Verb => verbs.some((known) => known === verb);

/** The verb that an API key must be allowed for a route; undefined where no API key is asked for. */
export const requiredVerbOf = (id: RouteId): Verb | undefined => {
  const { verb }: RouteRow = routes[id];
  return isVerb(verb) ? verb : undefined;
};

/** The verb under which a route is audited; undefined for routes that leave no record. */
export const auditVerbOf = (id: RouteId): Verb | AuditOnlyVerb | undefined => {
  const row: RouteRow = routes[id];
  return row.verb;
};
