/** The routes of the keys of persons, to which values of custody `approval` are sealed: rows of the table in ../routes.ts. */
export const personKeyRoutes = {
  putPersonKey: {
    method: 'PUT',
    path: '/v1/session/person-key',
    group: 'approvals',
    auth: 'session-device',
    verb: 'sessions.write',
    status: 200,
  },
  getPersonKey: {
    method: 'GET',
    path: '/v1/session/person-key',
    group: 'approvals',
    auth: 'session-device',
    status: 200,
  },
  getApproverKey: {
    method: 'GET',
    path: '/v1/broker/approvers/{person}',
    group: 'broker',
    auth: 'api-key',
    verb: 'values.write',
    status: 200,
  },
} as const;
