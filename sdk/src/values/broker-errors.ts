import { brokerErrors } from '../../../contract/shared/broker-error-codes.ts';
import {
  addErrors,
  ConflictError,
  InvalidRequestError,
  PermissionError,
  RateLimitError,
  UnavailableError,
} from '../shared/errors.ts';

/** Makes the codes of uses of values known. */
export const addBrokerErrors = (): void =>
  addErrors(brokerErrors, {
    use_refused: PermissionError,
    destination_refused: PermissionError,
    search_full: ConflictError,
    credential_refused: ConflictError,
    credential_uncertain: ConflictError,
    value_unusable: InvalidRequestError,
    use_limit_reached: RateLimitError,
    upstream_failed: UnavailableError,
    credential_busy: UnavailableError,
    upstream_timeout: UnavailableError,
  });
