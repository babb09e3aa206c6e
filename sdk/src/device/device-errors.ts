/** Errors of device vaults. Errors of requests are AnimaErrors. */
import type { StopReason, VoidReason } from '../../../core/devices/chain-state.ts';
import { rosterErrorMessages } from './roster-error-messages.ts';

/** Each says what happened, what was not done, and what to do. */
const messages = {
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
  vault_in_use:
    'Another program, or another object in this one, has this vault open. Nothing was read. Close it there, then open it here',
  vault_unknown:
    'This device has no copy of that vault. Nothing was read. Join the vault from this device, or recover it',
  vault_exists: 'This device has keys of that vault already. Nothing was changed. Open the vault, or leave it first',
  not_open: 'This vault was closed on this device. Nothing was done. Open it again',
  storage_damaged:
    'What this device stored cannot be opened. Nothing was changed. Remove the stored copy, and join the vault again',
  keys_locked:
    'The key store of the operating system has the keys of this vault, and is locked or does not answer. Nothing was read or changed. Unlock it, then open the vault again',
  storage_failed:
    'This device could not store a change. Its outcome is unknown, so this object stops. Check the space and permissions, then open the vault again',
  unsupported_platform: 'This platform lacks something that the storage needs. Nothing was stored. Use another storage',
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
  ...rosterErrorMessages,
} as const;

export type DeviceErrorCode = keyof typeof messages;

/** Why an answer of the service was refused, besides the reasons of single entries. */
export type AnswerReason =
  | 'older_log'
  | 'missing_entries'
  | 'other_wraps'
  | 'older_checkpoint'
  | 'bad_bundle'
  | 'other_genesis'
  | 'bad_inclusion'
  | 'unacknowledged';

export type DeviceErrorReason = StopReason | VoidReason | AnswerReason;

export interface DeviceErrorFields {
  /** For `bad_envelope`, `update_required` and `change_refused`. */
  readonly reason?: DeviceErrorReason | undefined;
  /** For people: which entry, record or folder. Never content, never a key. */
  readonly detail?: string | undefined;
}

/** A failure of a device vault. Switch on `code`. No field contains a key, a code or content. */
export class DeviceVaultError extends Error {
  static {
    DeviceVaultError.prototype.name = 'DeviceVaultError';
  }

  readonly code: DeviceErrorCode;
  readonly reason: DeviceErrorReason | undefined;
  readonly detail: string | undefined;

  constructor(code: DeviceErrorCode, { reason, detail }: DeviceErrorFields = {}) {
    const more = [reason, detail].filter((part) => part !== undefined);
    super(more.length === 0 ? messages[code] : `${messages[code]} (${more.join('; ')})`);
    this.code = code;
    this.reason = reason;
    this.detail = detail;
  }

  /** For structured logs: `name` and `message` are not enumerable and would be lost. */
  toJSON(): object {
    return { ...this, name: this.name, message: this.message };
  }
}

/** The only place that creates these errors. */
export const deviceError = (code: DeviceErrorCode, fields: DeviceErrorFields = {}): DeviceVaultError =>
  new DeviceVaultError(code, fields);

/** The error of a log that a device stops at. */
export const stopError = (reason: StopReason | AnswerReason, seq: number): DeviceVaultError =>
  deviceError(reason === 'unsupported_suite' || reason === 'unknown_kind' ? 'update_required' : 'bad_envelope', {
    reason,
    detail: `entry ${seq}`,
  });
