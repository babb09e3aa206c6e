/** The messages of all errors of device vaults. */
import { rosterErrorMessages } from './roster-error-messages.ts';
import { storageErrorMessages } from './storage/storage-error-messages.ts';

/** Each says what happened, what was not done, and what to do. */
export const deviceErrorMessages = {
  bad_envelope:
    'The service sent a log that does not continue the verified one. Nothing of it was stored. Try again later; if it happens again, compare the head code with another device',
  update_required:
    'The log contains an entry of a later format. Nothing of it was stored. Update this software, then sync again',
  no_key:
    'This device has no key for that part of the vault. Nothing was opened or written. Another device must rotate the key, or write the record again',
  rotation_due:
    'A device left the vault, and the key must change before records are written. Nothing was sent; changes stay queued. Sync a device with the role admin',
  not_a_member:
    'This device is not a member of the vault. Nothing was sent. Join the vault again with new keys to use it here',
  vault_closed: 'The vault was closed for good. Nothing was sent. Its records can still be read on this device',
  change_refused: 'The rules of the vault do not allow this change now. Nothing was sent',
  too_many_conflicts:
    'Other devices were faster eight times in a row. The change was not stored by the service. Try again later',
  vault_unknown:
    'This device has no copy of that vault. Nothing was read. Join the vault from this device, or recover it',
  vault_exists: 'This device has keys of that vault already. Nothing was changed. Open the vault, or leave it first',
  unreadable_content:
    'The record has a form that this software does not know. It was not changed. Update this software, or put new data',
  conflict_pending:
    'Two devices changed this record, and a person must decide. Nothing was written. Resolve the conflict first',
  record_unknown:
    'There is no such record or version on this device. Nothing was changed. Sync, then list the versions',
  record_too_large: 'The record is too large. Nothing was stored. Split it, or store it as a blob',
  prune_unconfirmed:
    'Earlier versions would be deleted for good, and no other device checks what stays. Nothing was sent. Ask a person, then call it with confirmed: true',
  invalid_record: 'The data cannot be stored as this type of record. Nothing was stored. Correct the data',
  ...storageErrorMessages,
  ...rosterErrorMessages,
} as const;

export type DeviceErrorCode = keyof typeof deviceErrorMessages;
