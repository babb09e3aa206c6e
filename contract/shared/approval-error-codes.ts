import type { ErrorDefinition } from './common-error-codes.ts';

/** Codes of approvals (docs/approvals.md). The SDK loads them with what uses a value, and with what answers questions. */
export const approvalErrors = {
  approval_denied: { status: 403, title: 'A person did not allow this use', retryable: false },
  not_approver: { status: 403, title: 'The device does not have the right to approve', retryable: false },
  approval_not_found: { status: 404, title: 'There is no such approval for this caller', retryable: false },
  approval_mismatch: { status: 409, title: 'The approval is for another request', retryable: false },
  approval_used: { status: 409, title: 'The approval was used as often as it allows', retryable: false },
  approval_uncertain: {
    status: 409,
    title: 'The approval was used, and the outcome is unknown',
    retryable: false,
  },
  approval_refused: { status: 409, title: 'No device of the person could verify the question', retryable: false },
  approver_unavailable: { status: 409, title: 'The person cannot be asked', retryable: false },
  directory_refused: { status: 409, title: 'The directory is not the one that the broker knows', retryable: false },
  approval_answered: { status: 409, title: 'The question was answered before', retryable: false },
  person_key_conflict: { status: 409, title: 'Another edition of the key is stored', retryable: false },
  approval_expired: { status: 410, title: 'The approval is over', retryable: false },
  answer_refused: { status: 422, title: 'The answer does not hold', retryable: false },
  approval_key_refused: { status: 422, title: 'The approval key cannot be accepted', retryable: false },
  approval_pending: { status: 429, title: 'Another question of this key is open, or it must wait', retryable: true },
} as const satisfies Record<string, ErrorDefinition>;
