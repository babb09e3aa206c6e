/** Messages of the errors of storages. */

/** Each says what happened, what was not done, and what to do. */
export const storageErrorMessages = {
  vault_in_use:
    'Another program, or another object in this one, has the same data open. This object does nothing more. Close it there, then open it here',
  not_open: 'This vault was closed on this device. Nothing was done. Open it again',
  storage_damaged:
    'What this device stored cannot be opened. Nothing was changed. Remove the stored copy, and join the vault again',
  keys_locked:
    'The key store of the operating system has the key of this data, and is locked or does not answer. Nothing was read or changed. Unlock it, then open the data again',
  storage_failed:
    'This device could not store a change. Its outcome is unknown, so this object stops. Check the space and permissions, then open it again',
  unsupported_platform: 'This platform lacks something that the storage needs. Nothing was stored. Use another storage',
} as const;
