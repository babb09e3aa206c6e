/** Errors of session custody on this device. Errors of requests are AnimaErrors. */
import { storageErrorMessages } from '../device/storage/storage-error-messages.ts';

/** Each says what happened, what was not done, and what to do. */
const messages = {
  invite_malformed: 'The text is not an invite, or it was mistyped. Nothing was sent. Copy the whole invite again',
  invite_refused:
    'The invite is not valid: unknown, expired, used, or answered with false facts. This device was not enrolled. Ask an admin for a new invite',
  invite_mismatch:
    'This device waits for the answer to another invite, or was enrolled with another one. Nothing was changed. Use the same invite, another name, or delete the stored device first',
  enrollment_expired:
    'No admin admitted this device in time. It was not enrolled. Ask for a new invite, and delete the stored device first',
  not_enrolled: 'This storage has no enrolled device of that organization. Nothing was sent. Enroll it with an invite',
  not_active:
    'This device is pending, suspended, revoked or expired in the directory. Nothing was sent. Messages stay queued. Ask an admin, or another device of the person',
  bad_directory:
    'The service sent a directory that does not continue the verified one. Nothing of it was stored. Try again later; if it happens again, compare the head with another device',
  update_required: 'The directory has an entry of a later format. Nothing of it was stored. Update this software',
  pin_not_reached:
    'The service sent a directory that the invite does not vouch for. Nothing of it was stored. Ask for a new invite, and compare the pin with the admin',
  directory_forked:
    'Another device has verified another directory: the service shows two. Nothing is sent until this device is enrolled again. Compare the heads with other people',
  directory_frozen:
    'A sender knows a newer directory than the service shows. Nothing was sent to that sender. Try again later',
  unknown_conversation:
    'There is no such conversation on this device. Nothing was sent. Synchronize, then list the conversations',
  not_allowed: 'The directory or the conversation does not allow this. Nothing was sent',
  participants_changed:
    'The conversation has participants or devices that were not shown yet. Nothing was sent. Read `changes`, then call `accept`',
  too_many_devices: 'The conversation has more than 16 devices. Nothing was sent. Open one with fewer participants',
  message_unknown: 'There is no such message on this device',
  body_too_large: 'The body is too large. Nothing was sent. Send it as a blob of the vault',
  attachment_damaged: 'The attachment is absent, or is not the one that the message names. Nothing was returned',
  fingerprint_differs:
    'The compared fingerprint is not that of the device. Nothing was signed. Do not admit the device before you know why',
  subject_unknown:
    'The directory has no such device, fleet or link, or it is not in the state for this. Nothing was signed',
  approver_key_refused:
    'The key of the approver does not hold by the verified directory. Nothing was stored. A device of the approver replaces it with `approvals.rotatePersonKey`',
  change_refused: 'The directory does not allow this change. Nothing was sent',
  too_many_conflicts: 'Other admins were faster several times in a row. The change was not stored. Try again later',
  cannot_approve:
    'The directory does not give this device the right to answer questions. Nothing was signed. Ask an admin to admit a device with the right `approve`',
  question_unknown: 'There is no such open question for this device. Nothing was signed. List the questions again',
  person_key_missing:
    'This device does not have the key of its person, to which values are sealed. Nothing was signed. Call `approvals.sharePersonKey` on a device that has it, or `approvals.createPersonKey` if the person has none',
  person_key_exists:
    'The person has a key already. Nothing was changed. To replace it, call `approvals.rotatePersonKey`',
  person_key_outdated:
    'A device that has, or could have, the key of the person does not approve any more. Nothing was changed. Call `approvals.rotatePersonKey`',
  recovery_code_refused:
    'The recovery code does not open the key of the person: it was mistyped, is not the newest one, or is of somebody else. Nothing was changed. Type the newest code again',
  share_refused:
    'A value of the request was set with other rules than the question names, or for another key. Nothing was signed. Ask who set it',
  question_refused: 'The question does not verify any more. Nothing was signed',
  already_reading: 'The messages are already being read by another loop. Nothing was read',
  in_use: storageErrorMessages.vault_in_use,
  closed: 'This device was closed. Nothing was done. Open it again',
  storage_damaged:
    'What this device stored cannot be opened. Nothing was changed. Delete the stored device, and enroll again',
  keys_locked: storageErrorMessages.keys_locked,
  storage_failed: storageErrorMessages.storage_failed,
  unsupported_platform: storageErrorMessages.unsupported_platform,
} as const;

export type SessionErrorCode = keyof typeof messages;

/** A failure of session custody. Switch on `code`. No field contains a key, an invite or content. */
export class SessionError extends Error {
  static {
    SessionError.prototype.name = 'SessionError';
  }

  readonly code: SessionErrorCode;
  /** For people: which entry, device or reason. */
  readonly detail: string | undefined;

  constructor(code: SessionErrorCode, detail?: string) {
    super(detail === undefined ? messages[code] : `${messages[code]} (${detail})`);
    this.code = code;
    this.detail = detail;
  }

  /** For structured logs: `name` and `message` are not enumerable and would be lost. */
  toJSON(): object {
    return { ...this, name: this.name, message: this.message };
  }
}

/** The only place that creates these errors. */
export const sessionError = (code: SessionErrorCode, detail?: string): SessionError => new SessionError(code, detail);
