/** Who may call a route: an API key, an AWS principal of the deployment's account (SigV4), or anyone. */
export type Auth = 'api-key' | 'iam' | 'none';

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
  'blobs.read',
  'blobs.list',
  'blobs.write',
  'blobs.delete',
] as const;
export type Verb = (typeof verbs)[number];

/** What the audit records beside verbs: done without an API key, so no key is ever allowed or denied it. */
export const recordedVerbs = ['org.create', 'links.open', 'links.burn'] as const;
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
] as const;
export type Group = (typeof groups)[number];

/** Functions without routes, which others invoke, a schedule starts or a deployment calls: one each, with a role of its own. */
export const workflows = ['rotation-workflow', 'shred-workflow', 'sealer', 'publisher'] as const;
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
  readonly summary: string;
}

/** Every route of the service, said once: lib deploys them, handlers serve them, the SDK calls them. */
export const routes = {
  getOpenApi: {
    method: 'GET',
    path: '/v1/openapi.json',
    group: 'public',
    auth: 'none',
    status: 200,
    summary: 'This API as an OpenAPI 3.1 document',
  },
  createOrg: {
    method: 'POST',
    path: '/v1/orgs',
    group: 'operator',
    auth: 'iam',
    verb: 'org.create',
    status: 201,
    summary: 'Make an organization and its first admin key',
  },
  getOrg: {
    method: 'GET',
    path: '/v1/org',
    group: 'admin',
    auth: 'api-key',
    verb: 'org.read',
    status: 200,
    summary: 'The state of the organization and of its data-encryption keys',
  },
  createKey: {
    method: 'POST',
    path: '/v1/keys',
    group: 'admin',
    auth: 'api-key',
    verb: 'keys.write',
    status: 201,
    summary: 'Make an API key; the only time it is shown',
  },
  listKeys: {
    method: 'GET',
    path: '/v1/keys',
    group: 'admin',
    auth: 'api-key',
    verb: 'keys.read',
    status: 200,
    summary: 'API keys of the organization, without their secrets',
  },
  revokeKey: {
    method: 'DELETE',
    path: '/v1/keys/{id}',
    group: 'admin',
    auth: 'api-key',
    verb: 'keys.write',
    status: 200,
    summary: 'Revoke an API key, from the next request on',
  },
  rotateKey: {
    method: 'POST',
    path: '/v1/keys/{id}/rotation',
    group: 'admin',
    auth: 'api-key',
    verb: 'keys.write',
    status: 201,
    summary: 'Replace an API key by a new one of the same rights; the old one works on for an overlap',
  },
  startRotation: {
    method: 'POST',
    path: '/v1/org/rotation',
    group: 'rotator',
    auth: 'api-key',
    verb: 'org.rotate',
    status: 200,
    summary: 'Rotate the data-encryption key: a new version at once, old values re-encrypted in the background',
  },
  getRotation: {
    method: 'GET',
    path: '/v1/org/rotation',
    group: 'rotator',
    auth: 'api-key',
    verb: 'org.read',
    status: 200,
    summary: 'The latest rotation of the data-encryption key, and how far it is',
  },
  shredOrg: {
    method: 'POST',
    path: '/v1/org/shred',
    group: 'shredder',
    auth: 'api-key',
    verb: 'org.shred',
    status: 200,
    summary: 'Destroy the data-encryption keys of the organization, at once or after a waiting period',
  },
  cancelShred: {
    method: 'DELETE',
    path: '/v1/org/shred',
    group: 'shredder',
    auth: 'api-key',
    verb: 'org.shred',
    status: 200,
    summary: 'Cancel a shredding that is waiting, and unlock the organization',
  },
  getShred: {
    method: 'GET',
    path: '/v1/org/shred',
    group: 'shredder',
    auth: 'api-key',
    verb: 'org.read',
    status: 200,
    summary: 'Whether the organization is locked or shredded, with the receipts',
  },
  destroyValue: {
    method: 'POST',
    path: '/v1/vault/destroy/{name+}',
    group: 'shredder',
    auth: 'api-key',
    verb: 'values.destroy',
    status: 200,
    summary: 'Destroy a value with all its versions, with a signed receipt',
  },
  queryAudit: {
    method: 'GET',
    path: '/v1/audit',
    group: 'auditor',
    auth: 'api-key',
    verb: 'audit.read',
    status: 200,
    summary: 'Audit records by time, principal, name and verb',
  },
  exportAudit: {
    method: 'GET',
    path: '/v1/audit/export',
    group: 'auditor',
    auth: 'api-key',
    verb: 'audit.read',
    status: 200,
    summary: 'Audit records with the signed seals over them, page by page, to be verified offline',
  },
  getPublicKeys: {
    method: 'GET',
    path: '/.well-known/jwks.json',
    group: 'public',
    auth: 'none',
    status: 200,
    summary: 'Public keys of receipts and audit seals, as a JWK set (RFC 7517)',
  },
  setValue: {
    method: 'PUT',
    path: '/v1/vault/values/{name+}',
    group: 'writer',
    auth: 'api-key',
    verb: 'values.write',
    status: 200,
    summary: 'Store a value as the next version of its name',
  },
  deleteValue: {
    method: 'DELETE',
    path: '/v1/vault/values/{name+}',
    group: 'writer',
    auth: 'api-key',
    verb: 'values.delete',
    status: 200,
    summary: 'Delete a value with all its versions',
  },
  setValues: {
    method: 'POST',
    path: '/v1/vault/batch-set',
    group: 'writer',
    auth: 'api-key',
    verb: 'values.write',
    status: 200,
    summary: 'Store up to 100 values, each by itself, with a result for each',
  },
  getValue: {
    method: 'GET',
    path: '/v1/vault/values/{name+}',
    group: 'reader',
    auth: 'api-key',
    verb: 'values.read',
    status: 200,
    summary: 'Read a value, the current version unless told',
  },
  listValues: {
    method: 'GET',
    path: '/v1/vault/values',
    group: 'reader',
    auth: 'api-key',
    verb: 'values.list',
    status: 200,
    summary: 'Names and metadata by prefix, never values',
  },
  listVersions: {
    method: 'GET',
    path: '/v1/vault/versions/{name+}',
    group: 'reader',
    auth: 'api-key',
    verb: 'values.list',
    status: 200,
    summary: 'The versions kept of a value, newest first',
  },
  getValues: {
    method: 'POST',
    path: '/v1/vault/batch-get',
    group: 'reader',
    auth: 'api-key',
    verb: 'values.read',
    status: 200,
    summary: 'Read up to 100 values, with a result for each',
  },
  createBlob: {
    method: 'POST',
    path: '/v1/blobs',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.write',
    status: 201,
    summary: 'Begin a blob: its id, its link, and a ticket for the upload of its ciphertext',
  },
  listBlobs: {
    method: 'GET',
    path: '/v1/blobs',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.list',
    status: 200,
    summary: 'Blobs of the organization: ids, sizes, times; never keys or links',
  },
  getBlob: {
    method: 'GET',
    path: '/v1/blobs/{id}',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.read',
    status: 200,
    summary: 'Size, times and openings of a blob',
  },
  deleteBlob: {
    method: 'DELETE',
    path: '/v1/blobs/{id}',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.delete',
    status: 200,
    summary: 'Delete a blob, uploaded or not',
  },
  listParts: {
    method: 'GET',
    path: '/v1/blobs/{id}/parts',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.write',
    status: 200,
    summary: 'Parts that have arrived of an upload in parts',
  },
  grantParts: {
    method: 'POST',
    path: '/v1/blobs/{id}/parts',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.write',
    status: 200,
    summary: 'Addresses to upload parts to, each for one part of stated size and checksum',
  },
  completeBlob: {
    method: 'POST',
    path: '/v1/blobs/{id}/completion',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.write',
    status: 200,
    summary: 'End the upload: what has arrived is compared with what was announced, and the link works from now on',
  },
  relinkBlob: {
    method: 'POST',
    path: '/v1/blobs/{id}/link',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.delete',
    status: 200,
    summary: 'Revoke the link of a blob and give it a new one; the blob stays',
  },
  lookAtLink: {
    method: 'GET',
    path: '/v1/links/{link}',
    group: 'links',
    auth: 'none',
    status: 200,
    summary: 'Whether a link can be opened, and how often still; looking counts as no opening',
  },
  openLink: {
    method: 'POST',
    path: '/v1/links/{link}/opening',
    group: 'links',
    auth: 'none',
    verb: 'links.open',
    status: 200,
    summary:
      'Open a link by proving knowledge of its key: the address of the ciphertext for a while; counts as an opening',
  },
  burnLink: {
    method: 'POST',
    path: '/v1/links/{link}/burning',
    group: 'links',
    auth: 'none',
    verb: 'links.burn',
    status: 200,
    summary: 'Destroy what was shared to be read once, by proving knowledge of its key',
  },
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
