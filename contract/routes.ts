import { blobRecordedVerbs, blobRoutes, blobVerbs } from './blobs/routes.ts';
import { userRecordedVerbs, userRoutes, userVerbs } from './users/routes.ts';

/**
 * Who may call a route: an API key, a user by its user key or session, an AWS principal of the deployment's account (SigV4), a
 * provider of messages by its signature, or anyone.
 */
export type Auth = 'api-key' | 'user' | 'iam' | 'signature' | 'none';

/** What an API key must be allowed to do. Roles (roles.ts) are made of these. */
export const verbs = [
  'org.read',
  'org.rotate',
  'org.shred',
  'keys.read',
  'keys.write',
  'audit.read',
  'values.read',
  'values.list',
  'values.write',
  'values.delete',
  'values.destroy',
  ...blobVerbs,
  ...userVerbs,
] as const;
export type Verb = (typeof verbs)[number];

/** What the audit records beside verbs: done without an API key, so no key is ever allowed or denied it. */
export const recordedVerbs = ['org.create', ...blobRecordedVerbs, ...userRecordedVerbs] as const;
export type RecordedVerb = (typeof recordedVerbs)[number];

/**
 * One function is deployed per group, with a role of its own: what a group's routes need and no more.
 * Routes of a group share warm keys and connections.
 */
export const groups = [
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
export type Group = (typeof groups)[number];

/** Functions without routes, which others invoke, a schedule starts or a deployment calls: one each, with a role of its own. */
export const workflows = [
  'rotation-workflow',
  'shred-workflow',
  'sealer',
  'publisher',
  'provider-secrets',
  'worker',
  'responder',
] as const;
export type Workflow = (typeof workflows)[number];

interface RouteRow {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Path of API Gateway: `{x}` is one segment, `{x+}` the rest. */
  readonly path: string;
  readonly group: Group;
  readonly auth: Auth;
  /** For `api-key` routes: the verb it takes. For others: under what it is recorded, where they are audited. */
  readonly verb?: Verb | RecordedVerb;
  /** HTTP status of success. */
  readonly status: 200 | 201;
}

/** Every route of the service, said once: lib deploys them, handlers serve them, the SDK calls them. */
export const routes = {
  getOpenApi: {
    method: 'GET',
    path: '/v1/openapi.json',
    group: 'public',
    auth: 'none',
    status: 200,
  },
  createOrg: {
    method: 'POST',
    path: '/v1/orgs',
    group: 'operator',
    auth: 'iam',
    verb: 'org.create',
    status: 201,
  },
  getOrg: {
    method: 'GET',
    path: '/v1/org',
    group: 'admin',
    auth: 'api-key',
    verb: 'org.read',
    status: 200,
  },
  createKey: {
    method: 'POST',
    path: '/v1/keys',
    group: 'admin',
    auth: 'api-key',
    verb: 'keys.write',
    status: 201,
  },
  listKeys: {
    method: 'GET',
    path: '/v1/keys',
    group: 'admin',
    auth: 'api-key',
    verb: 'keys.read',
    status: 200,
  },
  revokeKey: {
    method: 'DELETE',
    path: '/v1/keys/{id}',
    group: 'admin',
    auth: 'api-key',
    verb: 'keys.write',
    status: 200,
  },
  rotateKey: {
    method: 'POST',
    path: '/v1/keys/{id}/rotation',
    group: 'admin',
    auth: 'api-key',
    verb: 'keys.write',
    status: 201,
  },
  startRotation: {
    method: 'POST',
    path: '/v1/org/rotation',
    group: 'rotator',
    auth: 'api-key',
    verb: 'org.rotate',
    status: 200,
  },
  getRotation: {
    method: 'GET',
    path: '/v1/org/rotation',
    group: 'rotator',
    auth: 'api-key',
    verb: 'org.read',
    status: 200,
  },
  shredOrg: {
    method: 'POST',
    path: '/v1/org/shred',
    group: 'shredder',
    auth: 'api-key',
    verb: 'org.shred',
    status: 200,
  },
  cancelShred: {
    method: 'DELETE',
    path: '/v1/org/shred',
    group: 'shredder',
    auth: 'api-key',
    verb: 'org.shred',
    status: 200,
  },
  getShred: {
    method: 'GET',
    path: '/v1/org/shred',
    group: 'shredder',
    auth: 'api-key',
    verb: 'org.read',
    status: 200,
  },
  destroyValue: {
    method: 'POST',
    path: '/v1/vault/destroy/{name+}',
    group: 'shredder',
    auth: 'api-key',
    verb: 'values.destroy',
    status: 200,
  },
  queryAudit: {
    method: 'GET',
    path: '/v1/audit',
    group: 'auditor',
    auth: 'api-key',
    verb: 'audit.read',
    status: 200,
  },
  exportAudit: {
    method: 'GET',
    path: '/v1/audit/export',
    group: 'auditor',
    auth: 'api-key',
    verb: 'audit.read',
    status: 200,
  },
  getPublicKeys: {
    method: 'GET',
    path: '/.well-known/jwks.json',
    group: 'public',
    auth: 'none',
    status: 200,
  },
  setValue: {
    method: 'PUT',
    path: '/v1/vault/values/{name+}',
    group: 'writer',
    auth: 'api-key',
    verb: 'values.write',
    status: 200,
  },
  deleteValue: {
    method: 'DELETE',
    path: '/v1/vault/values/{name+}',
    group: 'writer',
    auth: 'api-key',
    verb: 'values.delete',
    status: 200,
  },
  setValues: {
    method: 'POST',
    path: '/v1/vault/batch-set',
    group: 'writer',
    auth: 'api-key',
    verb: 'values.write',
    status: 200,
  },
  getValue: {
    method: 'GET',
    path: '/v1/vault/values/{name+}',
    group: 'reader',
    auth: 'api-key',
    verb: 'values.read',
    status: 200,
  },
  listValues: {
    method: 'GET',
    path: '/v1/vault/values',
    group: 'reader',
    auth: 'api-key',
    verb: 'values.list',
    status: 200,
  },
  listVersions: {
    method: 'GET',
    path: '/v1/vault/versions/{name+}',
    group: 'reader',
    auth: 'api-key',
    verb: 'values.list',
    status: 200,
  },
  getValues: {
    method: 'POST',
    path: '/v1/vault/batch-get',
    group: 'reader',
    auth: 'api-key',
    verb: 'values.read',
    status: 200,
  },
  ...blobRoutes,
  ...userRoutes,
} as const satisfies Record<string, RouteRow>;

export type RouteId = keyof typeof routes;

/** Route keys as API Gateway writes them: `GET /v1/org`. */
export const routeKey = (id: RouteId): string => `${routes[id].method} ${routes[id].path}`;

const isVerb = (verb: Verb | RecordedVerb | undefined): verb is Verb => verbs.some((known) => known === verb);

/** The verb that an API key must be allowed for a route; undefined where no API key is asked for. */
export const verbOf = (id: RouteId): Verb | undefined => {
  const { verb }: RouteRow = routes[id];
  return isVerb(verb) ? verb : undefined;
};

/** The verb under which a route is audited; undefined for routes that leave no record. */
export const recordedVerbOf = (id: RouteId): Verb | RecordedVerb | undefined => {
  const row: RouteRow = routes[id];
  return row.verb;
};
