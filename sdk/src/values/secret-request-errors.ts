import { secretRequestErrors } from '../../../contract/shared/secret-request-error-codes.ts';
import { addErrors, ConflictError, NotFoundError, PermissionError } from '../shared/errors.ts';

/** Makes the codes of requests for a secret known. */
export const addSecretRequestErrors = (): void =>
  addErrors(secretRequestErrors, {
    secret_request_not_found: NotFoundError,
    secret_request_expired: NotFoundError,
    secret_request_denied: PermissionError,
    secret_request_filled: ConflictError,
    name_taken: ConflictError,
  });
