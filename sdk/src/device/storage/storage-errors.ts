/** Errors of storages. */
import { type DeviceErrorFields, DeviceVaultError } from '../device-vault-error.ts';
import { storageErrorMessages } from './storage-error-messages.ts';

/** Creates the errors of storages. */
export const storageError = (
  code: keyof typeof storageErrorMessages,
  fields: DeviceErrorFields = {},
): DeviceVaultError => new DeviceVaultError(code, storageErrorMessages[code], fields);
