/** The shredding routes: rows of the table in ../routes.ts. */
export const shredRoutes = {
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
} as const;
