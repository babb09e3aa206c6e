/** The organization routes: rows of the table in ../routes.ts. */
export const orgRoutes = {
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
} as const;
