import { sessionErrors } from '../../../../contract/shared/error-codes.ts';
import { addDeviceErrors } from '../../device/service-errors.ts';
import {
  AuthenticationError,
  addErrors,
  ConflictError,
  InvalidRequestError,
  NotFoundError,
  PermissionError,
  RateLimitError,
} from '../../shared/errors.ts';

/** Makes the codes of the routes of session custody known. Some are those of device vaults. */
export function addSessionErrors(): void {
  addDeviceErrors();
  addErrors(sessionErrors, {
    invite_refused: AuthenticationError,
    not_allowed: PermissionError,
    checkpoint_not_found: NotFoundError,
    bundle_not_found: NotFoundError,
    invite_exists: ConflictError,
    too_many_invites: ConflictError,
    bundle_outdated: ConflictError,
    too_many_prekeys: ConflictError,
    conversation_conflict: ConflictError,
    directory_full: InvalidRequestError,
    bundle_refused: InvalidRequestError,
    conversation_refused: InvalidRequestError,
    attachment_not_found: NotFoundError,
    endpoint_refused: InvalidRequestError,
    too_many_attachments: RateLimitError,
  });
}
