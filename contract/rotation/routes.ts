/** The rotation routes: rows of the table in ../routes.ts. */
export const rotationRoutes = {
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
} as const;
