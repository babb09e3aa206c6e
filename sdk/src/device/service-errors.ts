import { deviceErrors } from '../../../contract/shared/error-codes.ts';
import {
  AuthenticationError,
  addErrors,
  ConflictError,
  InvalidRequestError,
  NotFoundError,
  RateLimitError,
} from '../shared/errors.ts';

/** Makes the codes of the routes of device vaults known. Called by every client that sends requests to them. */
export const addDeviceErrors = (): void =>
  addErrors(deviceErrors, {
    device_refused: AuthenticationError,
    request_expired: AuthenticationError,
    device_vault_not_found: NotFoundError,
    recovery_not_found: NotFoundError,
    pairing_not_found: NotFoundError,
    device_vault_exists: ConflictError,
    too_many_device_vaults: ConflictError,
    log_conflict: ConflictError,
    bundle_replaced: ConflictError,
    prune_refused: ConflictError,
    pairing_conflict: ConflictError,
    device_vault_full: InvalidRequestError,
    entry_refused: InvalidRequestError,
    too_many_pairings: RateLimitError,
  });
