/** The routes of workload identity: rows of the table in ../routes.ts. */
export const loginRoutes = {
  createLogin: {
    method: 'POST',
    path: '/v1/logins',
    group: 'admin',
    auth: 'api-key',
    verb: 'keys.write',
    status: 201,
  },
  listLogins: {
    method: 'GET',
    path: '/v1/logins',
    group: 'admin',
    auth: 'api-key',
    verb: 'keys.read',
    status: 200,
  },
  deleteLogin: {
    method: 'DELETE',
    path: '/v1/logins/{id}',
    group: 'admin',
    auth: 'api-key',
    verb: 'keys.write',
    status: 200,
  },
  logInWithOidc: {
    method: 'POST',
    path: '/v1/login/oidc',
    group: 'logins',
    auth: 'none',
    verb: 'logins.use',
    status: 200,
  },
  logInWithAws: {
    method: 'POST',
    path: '/v1/login/aws',
    group: 'logins',
    auth: 'none',
    verb: 'logins.use',
    status: 200,
  },
} as const;
