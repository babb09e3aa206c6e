/** The `explain` routes: rows of the table in ../routes.ts. */
export const explainRoutes = {
  explain: {
    method: 'GET',
    path: '/v1/explain',
    group: 'explainer',
    auth: 'api-key',
    verb: 'custody.read',
    status: 200,
  },
  explainOwn: {
    method: 'GET',
    path: '/v1/account/explain',
    group: 'explainer',
    auth: 'user',
    verb: 'account.read',
    status: 200,
  },
} as const;
