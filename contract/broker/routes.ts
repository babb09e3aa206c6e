/** The route of the broker: a row of the table in ../routes.ts. */
export const brokerRoutes = {
  fetch: {
    method: 'POST',
    path: '/v1/fetch',
    group: 'broker',
    auth: 'api-key',
    verb: 'values.use',
    status: 200,
  },
} as const;
