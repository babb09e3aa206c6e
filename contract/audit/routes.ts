/** The audit routes: rows of the table in ../routes.ts. */
export const auditRoutes = {
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
} as const;
