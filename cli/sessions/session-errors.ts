/** Exit codes and next steps for the failures of session custody. */
import { SessionError, type SessionErrorCode } from '../../sdk/src/session/session-errors.ts';
import { CommandError, type ExitName, exitCodes, type Failure, toFailure } from '../shell/command-error.ts';

const enrollAgain = 'Run `anima session forget`, and enroll with a new invite.';
const listConversations = '`anima chat --list` shows the conversations.';

/** Without a next step of this command, the one of the SDK is printed. The compiler rejects a missing code. */
const rows: Readonly<Record<SessionErrorCode, readonly [ExitName, string?]>> = {
  invite_malformed: ['usage', 'Copy the whole invite again: it begins with anmi_.'],
  invite_refused: ['denied', 'An admin makes another one with `anima invite create`.'],
  invite_mismatch: ['conflict', 'Use the same invite again, another --profile, or `anima session forget` first.'],
  enrollment_expired: ['notFound', enrollAgain],
  not_enrolled: ['notFound', 'Enroll with an invite: `anima session enroll`, or `anima agent enroll` for an agent.'],
  not_active: ['denied', 'Ask an admin, or look at `anima session list` on another device of the person.'],
  bad_directory: [
    'failed',
    'Try again later. If it happens again, compare `anima session status` with another device.',
  ],
  update_required: ['failed', 'Update anima.'],
  person_key_missing: [
    'denied',
    'On a device that has it: `anima approvals key share`. If you have no key yet: `anima approvals key create`.',
  ],
  person_key_exists: ['conflict', 'To replace it: `anima approvals key rotate`.'],
  person_key_outdated: ['conflict', 'Replace it first: `anima approvals key rotate`.'],
  recovery_code_refused: ['decryption', 'Type the newest code again: `anima approvals key recover`.'],
  share_refused: ['denied', 'The value must be set again, with its present rules.'],
  approver_key_refused: [
    'denied',
    'On a device of the approver: `anima approvals key rotate`. Then set the value again.',
  ],
  pin_not_reached: ['failed', 'Compare the pin with the admin (`anima directory status`), and ask for a new invite.'],
  directory_forked: [
    'failed',
    'Compare `anima session status` with other people. This device sends nothing until it is enrolled again.',
  ],
  directory_frozen: ['unavailable', 'Try again later; ask the operator.'],
  unknown_conversation: ['notFound', listConversations],
  not_allowed: ['denied', '`anima session list` shows the devices; pending and suspended ones get nothing.'],
  participants_changed: ['conflict', 'Open it with `anima chat`, look at the participants, and accept them.'],
  too_many_devices: ['usage', 'Open a conversation with fewer participants.'],
  message_unknown: ['notFound'],
  body_too_large: ['usage', 'Send a link to a file instead: `anima share`.'],
  attachment_damaged: ['decryption', 'Ask the sender to send it again.'],
  fingerprint_differs: ['failed', 'Do not confirm this device. Ask the admin who enrolled it.'],
  subject_unknown: ['notFound', '`anima session list` and `anima directory status` show the ids.'],
  change_refused: ['conflict', '`anima directory status` shows the present state.'],
  too_many_conflicts: ['conflict', 'Try again in a moment.'],
  cannot_approve: ['denied', 'An admin gives the right with `anima directory admit --can approve`, to a new device.'],
  question_unknown: ['notFound', '`anima approvals list` shows the open questions.'],
  question_refused: ['denied', 'Do not answer it. Tell an admin.'],
  already_reading: ['conflict'],
  in_use: [
    'conflict',
    'Another `anima` command uses this device, for example `anima agent listen`. End it, or use another --profile.',
  ],
  closed: ['failed'],
  storage_damaged: ['decryption', enrollAgain],
  keys_locked: [
    'unavailable',
    'Unlock the system keyring, and try again. ANIMA_KEYRING=off disables it for new devices.',
  ],
  storage_failed: ['failed', 'Check the free space and the permissions of the configuration folder.'],
  unsupported_platform: ['failed', 'Update Node.js.'],
};

/**
 * A failure of session custody as one of the command; any other error as it is. A message of the SDK has up to three
 * parts: what happened, what was not done, and what a program does next. The last one is replaced by what a person does.
 */
export function asCommandError(error: unknown): unknown {
  if (!(error instanceof SessionError)) return error;
  const { code, message, detail } = error;
  const [exit, next] = rows[code];
  const suffix = detail === undefined ? '' : ` (${detail})`;
  const sentences = message.slice(0, message.length - suffix.length).split('. ');
  const hasNext = sentences.length > 2;
  const said = (hasNext ? sentences.slice(0, -1) : sentences).join('. ');
  const shownNext = next ?? (hasNext ? `${sentences.at(-1)}.` : undefined);
  return new CommandError(`${said}${suffix}`, {
    ...{ exit: exitCodes[exit], code },
    ...(shownNext === undefined ? {} : { next: shownNext }),
  });
}

export const toSessionFailure = (error: unknown): Failure => toFailure(asCommandError(error));

/** Whether an error of the SDK has this code. */
export const isSessionError = (error: unknown, code: SessionErrorCode): boolean =>
  error instanceof SessionError && error.code === code;
