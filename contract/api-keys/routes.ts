/** The API key routes: rows of the table in ../routes.ts. */
export const apiKeyRoutes = {
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
} as const;
