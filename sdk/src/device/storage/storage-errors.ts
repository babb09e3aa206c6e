/** Errors of storages. */
import { type DeviceErrorFields, DeviceVaultError } from '../device-vault-error.ts';
import { storageErrorMessages } from './storage-error-messages.ts';

/** Creates the errors of storages. */
export const storageError = (
  code: keyof typeof storageErrorMessages,
  fields: DeviceErrorFields = {},
): DeviceVaultError => new DeviceVaultError(code, storageErrorMessages[code], fields);

/** The error of a writer whose storage was changed by another one. It never goes away. */
export const writeLostError = (): DeviceVaultError =>
  storageError('vault_in_use', { detail: 'it has stored something since; the last change may be lost' });
