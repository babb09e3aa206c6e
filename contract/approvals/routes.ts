/**
 * The routes of devices that answer questions, and of admins that list the broker in the directory (docs/approvals.md):
 * rows of the table in ../routes.ts.
 */
export const approvalRoutes = {
  getBrokerKeys: {
    method: 'GET',
    path: '/v1/broker/keys/{person}',
    group: 'broker',
    auth: 'api-key',
    verb: 'directory.read',
    status: 200,
  },
  putApprovalKey: {
    method: 'PUT',
    path: '/v1/session/approval-key',
    group: 'approvals',
    auth: 'session-device',
    verb: 'sessions.write',
    status: 200,
  },
  listApprovals: {
    method: 'GET',
    path: '/v1/session/approvals',
    group: 'approvals',
    auth: 'session-device',
    status: 200,
  },
  answerApproval: {
    method: 'POST',
    path: '/v1/session/approvals/{approval}',
    group: 'approvals',
    auth: 'session-device',
    verb: 'approvals.answer',
    status: 200,
  },
  listActivity: {
    method: 'GET',
    path: '/v1/session/activity',
    group: 'approvals',
    auth: 'session-device',
    verb: 'audit.read',
    status: 200,
  },
} as const;
