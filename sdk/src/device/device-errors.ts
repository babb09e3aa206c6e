/** Errors of device vaults. Errors of requests are AnimaErrors. */
import type { StopReason } from '../../../core/devices/chain-state.ts';
import { type DeviceErrorCode, deviceErrorMessages } from './device-error-messages.ts';
import { type AnswerReason, type DeviceErrorFields, DeviceVaultError } from './device-vault-error.ts';

export type { DeviceErrorCode } from './device-error-messages.ts';
export type { AnswerReason, DeviceErrorReason } from './device-vault-error.ts';

/** Creates these errors, with {@link storageError}. */
export const deviceError = (code: DeviceErrorCode, fields: DeviceErrorFields = {}): DeviceVaultError =>
  new DeviceVaultError(code, deviceErrorMessages[code], fields);

/** The error of a log that a device stops at. */
export const stopError = (reason: StopReason | AnswerReason, seq: number): DeviceVaultError =>
  deviceError(reason === 'unsupported_suite' || reason === 'unknown_kind' ? 'update_required' : 'bad_envelope', {
    reason,
    detail: `entry ${seq}`,
  });
