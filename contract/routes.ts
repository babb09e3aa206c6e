import { apiKeyRoutes } from './api-keys/routes.ts';
import { personKeyRoutes } from './approvals/person-key-routes.ts';
import { approvalRoutes } from './approvals/routes.ts';
import { auditRoutes } from './audit/routes.ts';
import { blobRoutes } from './blobs/routes.ts';
import { brokerRoutes } from './broker/routes.ts';
import { conversationRoutes } from './conversations/routes.ts';
import { deviceRoutes } from './devices/routes.ts';
import { explainRoutes } from './explain/routes.ts';
import { loginRoutes } from './logins/routes.ts';
import { memoryRoutes } from './memory/routes.ts';
import { orgRoutes } from './orgs/routes.ts';
import { rotationRoutes } from './rotation/routes.ts';
import { secretRequestRoutes } from './secret-requests/routes.ts';
import { sessionRoutes } from './sessions/routes.ts';
import { type AuditOnlyVerb, type Verb, verbs } from './shared/verbs.ts';
import { shredRoutes } from './shredding/routes.ts';
import { userRoutes } from './users/routes.ts';
import { valueRoutes } from './values/routes.ts';

/**
 * How a route authenticates its caller: with an API key; as a user, with a user key or session; as an AWS principal of
 * the deployment's account (SigV4); as a device of a device vault or of the directory, with an HTTP message signature;
 * with an invite in the body; as a message provider, with its signature; or not at all.
 */
export type RouteAuth = 'api-key' | 'user' | 'iam' | 'device' | 'session-device' | 'invite' | 'signature' | 'none';

/**
 * One function is deployed per group. Its dedicated role has only the permissions that the routes of the group need.
 * The routes of a group share cached keys and connections.
 */
export const routeGroups = [
  'public',
  'operator',
  'admin',
  'reader',
  'writer',
  'broker',
  'rotator',
  'shredder',
  'auditor',
  'blobs',
  'links',
  'users',
  'accounts',
  'memory',
  'devices',
  'directory',
  'relay',
  'approvals',
  'webhooks',
  'explainer',
  'logins',
  'secret-requests',
] as const;
export type RouteGroup = (typeof routeGroups)[number];

/**
 * Functions without routes. They are invoked by other functions, by a schedule or during deployment. Each has a
 * dedicated role.
 */
export const backgroundFunctions = [
  'rotation-workflow',
  'shred-workflow',
  'sealer',
  'publisher',
  'provider-secrets',
  'notifier',
  'worker',
  'responder',
] as const;
export type BackgroundFunction = (typeof backgroundFunctions)[number];

/** One row of the table. */
export interface RouteRow {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Path in the syntax of API Gateway: `{x}` is one segment, `{x+}` is the rest. */
  readonly path: string;
  readonly group: RouteGroup;
  readonly auth: RouteAuth;
  /**
   * For `api-key` routes: the verb that the key needs. For other routes: the verb under which they are audited; absent
   * when they are not audited.
   */
  readonly verb?: Verb | AuditOnlyVerb;
  /** The route evaluates `If-Match` and `If-None-Match` (RFC 9110 section 13). Other writes refuse them. */
  readonly preconditions?: true;
  /** HTTP status of success. */
  readonly status: 200 | 201;
}

/** Routes of the main client of the SDK. */
const clientRoutes = {
  ...valueRoutes,
  ...blobRoutes,
  ...orgRoutes,
  ...apiKeyRoutes,
  ...rotationRoutes,
  ...shredRoutes,
  ...auditRoutes,
  ...brokerRoutes,
  ...userRoutes,
  ...memoryRoutes,
  ...conversationRoutes,
  ...explainRoutes,
  ...loginRoutes,
  ...secretRequestRoutes,
};

export type ClientRouteId = keyof Omit<
  typeof clientRoutes,
  keyof typeof loginRoutes | keyof typeof secretRequestRoutes
>;

/**
 * Every route of the service, defined once: lib deploys them, handlers serve them, the SDK calls them. Marked as pure,
 * because bundlers would otherwise keep the routes of logins, device vaults and sessions in the main client.
 */
export const routes = /* @__PURE__ */ (() =>
  ({
    ...clientRoutes,
    ...deviceRoutes,
    ...sessionRoutes,
    ...approvalRoutes,
    ...personKeyRoutes,
  }) as const satisfies Record<string, RouteRow>)();

export type RouteId = keyof typeof routes;

/** The route key in the syntax of API Gateway: `GET /v1/org`. */
export const routeKey = (id: RouteId): string => `${routes[id].method} ${routes[id].path}`;

const isVerb = (verb: Verb | AuditOnlyVerb | undefined): verb is Verb => verbs.some((known) => known === verb);

/** The verb that an API key needs for a route; undefined for routes without an API key. */
export const requiredVerbOf = (id: RouteId): Verb | undefined => {
  const { verb }: RouteRow = routes[id];
  return isVerb(verb) ? verb : undefined;
};

/** The verb under which a route is audited; undefined for routes that are not audited. */
export const auditVerbOf = (id: RouteId): Verb | AuditOnlyVerb | undefined => {
  const row: RouteRow = routes[id];
  return row.verb;
};

/**
 * Routes whose effect cannot be undone: they destroy data, end a credential, or send a value to a host. They leave a record `started` before the
 * effect. The record of the result comes after it and can fail, and the caller may then be unable to repeat the
 * request: a deleted account has no credential left.
 */
export const irreversibleRoutes: ReadonlySet<RouteId> = new Set<RouteId>([
  'fetch',
  'shredOrg',
  'destroyValue',
  'deleteValue',
  'deleteBlob',
  'burnLink',
  'rotateKey',
  'revokeKey',
  'deleteUser',
  'deleteAccount',
  'changeUserKey',
  'setPassword',
  'removePassword',
  'removeSlot',
  'deleteMemory',
  'deleteDeviceVault',
  'deleteLogin',
  'fillSecretRequest',
]);

/** Whether a route evaluates the preconditions of a request. */
export const evaluatesPreconditions = (id: RouteId): boolean => {
  const row: RouteRow = routes[id];
  return row.preconditions === true;
};
