import { approvalErrors } from '../../../contract/shared/approval-error-codes.ts';
import {
  addErrors,
  ConflictError,
  InvalidRequestError,
  NotFoundError,
  PermissionError,
  RateLimitError,
} from './errors.ts';

/** Makes the codes of approvals known. */
export const addApprovalErrors = (): void =>
  addErrors(approvalErrors, {
    approval_denied: PermissionError,
    not_approver: PermissionError,
    approval_not_found: NotFoundError,
    approval_mismatch: ConflictError,
    approval_used: ConflictError,
    approval_uncertain: ConflictError,
    approval_refused: ConflictError,
    approver_unavailable: ConflictError,
    directory_refused: ConflictError,
    approval_answered: ConflictError,
    person_key_conflict: ConflictError,
    approval_expired: NotFoundError,
    answer_refused: InvalidRequestError,
    approval_key_refused: InvalidRequestError,
    approval_pending: RateLimitError,
  });
