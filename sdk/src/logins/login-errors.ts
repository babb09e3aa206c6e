import { loginErrors } from '../../../contract/shared/login-error-codes.ts';
import { AuthenticationError, addErrors, NotFoundError } from '../shared/errors.ts';

/** Makes the codes of logins known. */
export const addLoginErrors = (): void =>
  addErrors(loginErrors, {
    identity_refused: AuthenticationError,
    login_not_found: NotFoundError,
  });
