/** Failures of the command: messages for people, and exit codes for scripts. */
import { AnimaError, type AnimaErrorCode } from '../../sdk/src/index.ts';

/** Exit codes of the command. Only `run` ends with the exit code of the command that it started. */
export const exitCodes = {
  ok: 0,
  /** The operation was tried and failed: an invalid signature, a failed check, or a file that cannot be written. */
  failed: 1,
  /** The command or an input is invalid; nothing was sent. */
  usage: 2,
  /** The name, version or id does not exist, or has expired. */
  notFound: 3,
  /** The key is missing or invalid, or lacks the permission. */
  denied: 4,
  /** Conflicting state: another version, an existing file, or a locked or shredded organization. */
  conflict: 5,
  /** The vault could not be reached or is unavailable; the same command may succeed later. */
  unavailable: 6,
  /** Stored data could not be decrypted. */
  decryption: 7,
} as const;

export type ExitName = keyof typeof exitCodes;
export type ExitCode = (typeof exitCodes)[ExitName];

/** One-line descriptions for help and docs. */
export const exitMeanings: Readonly<Record<ExitName, string>> = {
  ok: 'success',
  failed: 'the operation or a check failed',
  usage: 'the command or an input is invalid; nothing was done',
  notFound: 'the name, version or id does not exist',
  denied: 'the key is missing or lacks the permission',
  conflict: 'conflicting version or state, or the organization is locked or shredded',
  unavailable: 'the vault could not be reached or is unavailable',
  decryption: 'stored data could not be decrypted',
};

/**
 * A failure detected by the command itself. The message says what happened and what was not done; `next` says what to
 * do. Neither may ever contain a value or a key.
 */
export class CommandError extends Error {
  static {
    CommandError.prototype.name = 'CommandError';
  }

  readonly exit: ExitCode;
  readonly next: string | undefined;
  /** For scripts. Default: the name of the exit code. */
  readonly code: string | undefined;

  constructor(message: string, options: { exit: ExitCode; next?: string; code?: string }) {
    super(message);
    this.exit = options.exit;
    this.next = options.next;
    this.code = options.code;
  }
}

/** An invalid command or input; nothing was sent. */
export function usageError(message: string, next?: string): CommandError {
  return new CommandError(message, { exit: exitCodes.usage, ...(next === undefined ? {} : { next }) });
}

/** Exit code and next step for each code of the vault and its client. The compiler rejects a missing code. */
const exitByErrorCode: Readonly<Record<AnimaErrorCode, readonly [ExitName, string?]>> = {
  invalid_request: ['usage'],
  invalid_name: ['usage', 'A name is a path such as prod/stripe/key: A-Z a-z 0-9 . _ @ : - and single slashes.'],
  invalid_cursor: ['usage'],
  invalid_argument: ['usage'],
  insecure_url: ['usage', 'Use an address that starts with https://.'],
  missing_url: ['usage', 'Set ANIMA_URL, or pass --url.'],
  value_too_large: ['usage', 'A value must not exceed 64 KiB.'],
  request_too_large: ['usage', 'Send fewer or smaller values at once.'],
  record_too_large: ['usage', 'A record must not exceed 64 KiB of JSON.'],
  unsupported_media_type: ['usage'],
  blob_too_large: ['usage', 'Split the file, or ask the operator to raise the limit.'],
  device_vault_full: ['usage', 'Export the records, and create another device vault.'],
  entry_refused: ['unavailable', 'Update anima, then run `anima device sync`.'],
  invalid_link: ['usage', 'Use the whole link: …/b/, 58 characters, #, and 43 characters. Quote it in a shell.'],
  missing_api_key: ['denied', 'Log in with `anima login`, or set ANIMA_KEY.'],
  invalid_api_key: ['denied', 'Check the key with `anima doctor`, or store another with `anima login`.'],
  api_key_revoked: ['denied', 'Ask an admin for a new key, then run `anima login`.'],
  api_key_expired: ['denied', 'Ask an admin for a new key, then run `anima login`.'],
  forbidden: [
    'denied',
    '`anima whoami` shows what this key may do; an admin can create another with `anima keys create`.',
  ],
  wrong_key_kind: [
    'denied',
    'A user key works only for memory; for values and blobs use an API key of the organization.',
  ],
  missing_credential: ['denied', 'Set ANIMA_KEY to the user key.'],
  invalid_credential: ['denied', 'The user key was changed, or its user was deleted. Use the newest key.'],
  device_refused: [
    'denied',
    'This device was removed from the vault, or the vault was deleted. What it has can still be read here. To pair it again: `anima device leave --forget`, then `anima device join`.',
  ],
  request_expired: ['unavailable', 'The clock of this machine is wrong. Set it, and try again.'],
  login_refused: ['denied'],
  signature_refused: ['denied'],
  use_refused: ['denied', '`anima rules show NAME` shows what the value may be used for.'],
  destination_refused: ['denied', 'Values are sent only to hosts on the public internet.'],
  value_unusable: ['usage', 'A value that is used has 4 characters to 4096 bytes, and fits its place.'],
  search_full: ['conflict', 'Delete values that the host no longer needs.'],
  credential_refused: ['conflict', 'Connect the account again, and store the new credential with `anima set`.'],
  credential_uncertain: ['conflict', 'Connect the account again, and store the new refresh token with `anima set`.'],
  use_limit_reached: ['unavailable', 'Wait until the next minute, then try again.'],
  credential_busy: ['unavailable', 'Try again in a moment.'],
  upstream_failed: ['unavailable', 'The host may have acted. Check there before you try again.'],
  upstream_timeout: ['unavailable', 'The host may have acted. Check there before you try again.'],
  approval_denied: ['denied', 'A person said no. Nothing was sent. Do not repeat it without asking why.'],
  approval_not_found: ['notFound', 'Send the request again without the handle, to ask anew.'],
  approval_mismatch: ['conflict', 'Send exactly the request that was asked about, or ask anew.'],
  approval_used: ['conflict', 'Ask for another approval.'],
  approval_uncertain: ['unavailable', 'The host may have acted. Check there before you ask again.'],
  approval_refused: ['conflict', 'The devices of the person could not verify the question. Tell an admin.'],
  approver_unavailable: [
    'conflict',
    'An admin lists the broker with `anima directory admit-broker`, and devices with the right `approve`. Each such device runs `anima approvals list` once.',
  ],
  directory_refused: ['conflict', 'Tell the operator: the directory was changed outside of the vault.'],
  approval_answered: ['conflict'],
  person_key_conflict: ['conflict', 'Another device was faster. Try again.'],
  approval_expired: ['unavailable', 'Nobody answered in time. Ask again when somebody is there.'],
  answer_refused: ['denied', 'The directory does not let this device answer, or it knows an older directory.'],
  not_approver: ['denied', 'An admin admits a device with the right `approve`.'],
  approval_key_refused: ['denied', 'The clock of this device may be wrong. Set it, and try again.'],
  approval_pending: ['unavailable', 'Wait for the answer to the other question of this key.'],
  identity_unavailable: ['denied'],
  identity_refused: [
    'denied',
    'Compare the identity of this machine with the login: issuer, audience, claims, time. `anima logins list` shows it to an admin.',
  ],
  proof_refused: ['denied', 'The part of the link after # is wrong; ask the sender for the whole link.'],
  blob_not_found: [
    'notFound',
    'The link was replaced or the blob deleted. `anima blobs list` shows existing blobs; ask the sender for a new link.',
  ],
  blob_expired: ['notFound', 'Ask the sender to share it again.'],
  blob_spent: ['notFound', 'The maximum number of openings is reached; ask the sender to share it again.'],
  blob_deleted: ['notFound', 'Ask the sender to share it again.'],
  device_vault_not_found: ['notFound', '`anima device list` shows the device vaults of the user.'],
  recovery_not_found: [
    'notFound',
    'A device of the vault can create a recovery code with `anima device recovery-code`.',
  ],
  pairing_not_found: ['notFound', 'A pairing lasts ten minutes. Begin again with `anima device join`.'],
  value_not_found: ['notFound', '`anima list` shows the existing names.'],
  version_not_found: ['notFound', '`anima versions NAME` shows the stored versions.'],
  login_not_found: ['notFound', '`anima logins list` shows the ids.'],
  secret_request_not_found: ['notFound', 'Requests are forgotten a day after they expire.'],
  secret_request_expired: ['notFound', 'Ask again with `anima request NAME --why …`.'],
  secret_request_denied: ['denied', 'Nothing was stored.'],
  secret_request_filled: ['conflict', 'The value exists now.'],
  name_taken: ['conflict', 'Use the value, choose another name, or ask with --replace.'],
  api_key_not_found: ['notFound', '`anima keys list` shows the ids.'],
  value_not_readable: ['denied', 'Use it with `anima fetch` or `anima mcp --broker`. To change it, set it again.'],
  value_expired: ['notFound', 'Store it again with `anima set NAME`.'],
  user_not_found: ['notFound'],
  slot_not_found: ['notFound'],
  record_not_found: ['notFound'],
  route_not_found: ['unavailable', 'Check that this is the address of an Anima vault (`anima doctor`).'],
  method_not_allowed: ['unavailable', 'Check that this is the address of an Anima vault (`anima doctor`).'],
  unexpected_response: ['unavailable', 'Check that this is the address of an Anima vault (`anima doctor`).'],
  device_vault_exists: ['conflict', 'Try again: each new device vault gets another id.'],
  too_many_device_vaults: ['conflict', 'Delete a device vault that is no longer used.'],
  log_conflict: ['conflict', 'Other devices write at the same time. Try again.'],
  bundle_replaced: ['conflict', 'The log was pruned again meanwhile. Try again.'],
  prune_refused: ['conflict', 'Try again after ten minutes, and sync another device before.'],
  pairing_conflict: ['conflict', 'Begin again with `anima device join`.'],
  too_many_pairings: ['conflict', 'Wait ten minutes, or end one with `anima device approve --refuse ID`.'],
  invite_refused: ['denied', 'An invite works once, for ten minutes. Ask the admin for another one.'],
  not_allowed: ['denied'],
  checkpoint_not_found: ['notFound'],
  bundle_not_found: ['notFound', 'The other device has to connect once.'],
  invite_exists: ['conflict', 'Try again: each new invite gets another id.'],
  too_many_invites: ['conflict', 'Delete invites that are no longer needed, or wait until they expire.'],
  bundle_outdated: ['conflict'],
  too_many_prekeys: ['conflict'],
  conversation_conflict: ['conflict', 'Another device changed the conversation. Try again.'],
  directory_full: ['conflict'],
  bundle_refused: ['unavailable'],
  conversation_refused: ['unavailable'],
  attachment_not_found: ['notFound', 'Attachments are deleted after 31 days.'],
  endpoint_refused: ['usage'],
  too_many_attachments: ['unavailable', 'Try again tomorrow.'],
  version_conflict: ['conflict', '`anima versions NAME` shows the current version; use it with --cas.'],
  precondition_failed: ['conflict'],
  write_id_reused: ['conflict'],
  blob_not_uploaded: [
    'conflict',
    'Its upload is not complete; continue an interrupted upload with `anima share --resume`.',
  ],
  blob_completed: ['conflict'],
  upload_mismatch: ['conflict', 'Share it again.'],
  content_changed: ['conflict', 'Share it again, without --resume.'],
  record_exists: ['conflict'],
  login_taken: ['conflict', 'Choose another login.'],
  last_slot: ['conflict', 'First add another slot that unlocks the data, or delete the account.'],
  too_many_slots: ['conflict', 'Remove a slot first.'],
  no_shred_pending: ['conflict', '`anima shred status` shows the state of the organization.'],
  decryption_failed: [
    'decryption',
    'The stored value was altered, or its key is missing. Store it again, and check `anima audit query`.',
  ],
  org_locked: ['conflict', 'An admin can unlock it with `anima shred cancel` until it is shredded.'],
  org_shredded: ['conflict', 'Its data can’t be restored. `anima shred status` shows the receipts.'],
  too_many_attempts: ['unavailable', 'Wait as long as the message says, then try again.'],
  internal: ['unavailable', 'Try again; the operator can find the request in the logs by its id.'],
  unavailable: ['unavailable', 'Try again in a moment.'],
  audit_unavailable: ['unavailable', 'Try again in a moment.'],
  key_unavailable: ['unavailable', 'Try again in a moment; the operator can check the KMS key.'],
  write_contention: ['unavailable', 'Try again in a moment.'],
  reply_full: ['unavailable', 'Request fewer values at once.'],
  connection_failed: [
    'unavailable',
    'Check the address and the vault with `anima doctor`; `anima dev` starts a local vault.',
  ],
  storage_refused: [
    'unavailable',
    'Try again; a transfer that started more than 30 minutes ago starts from the beginning.',
  ],
  timeout: ['unavailable', 'Try again; `anima doctor` checks the connection.'],
  aborted: ['unavailable'],
};

/** A failure as reported: two or three lines for people, JSON for scripts. */
export interface Failure {
  readonly exit: ExitCode;
  readonly message: string;
  /** Error code of the vault or its client; for failures of the command, the name of the exit code. */
  readonly code: string;
  readonly next: string | undefined;
  readonly requestId: string | undefined;
  /** Stack positions of an unexpected error. Only positions, because the error text may contain anything. */
  readonly trace?: string | undefined;
}

/**
 * Converts any thrown value to a failure. For an unexpected error only its system code is reported, because its text
 * may contain anything.
 */
export function toFailure(error: unknown): Failure {
  if (error instanceof CommandError) {
    const [name = 'failed'] = Object.entries(exitCodes).find(([, code]) => code === error.exit) ?? [];
    return {
      exit: error.exit,
      message: error.message,
      code: error.code ?? name,
      next: error.next,
      requestId: undefined,
    };
  }
  if (error instanceof AnimaError) {
    const [name, next] = exitByErrorCode[error.code];
    const { message, code, requestId, problems } = error;
    const where = problems.map(({ path, message: problem }) => `${path}: ${problem}`).join('; ');
    const whole = where === '' ? message.replace(/\.$/, '') : `${message.replace(/\.$/, '')} (${where})`;
    return { exit: exitCodes[name], message: whole, code, next, requestId };
  }
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  const known = typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(code);
  return {
    exit: exitCodes.failed,
    message: known ? `A system call failed (${code})` : `The command failed unexpectedly${errorNameSuffix(error)}`,
    code: 'failed',
    next: known ? undefined : 'Please report this with the output of ANIMA_DEBUG=1, without any secret.',
    requestId: undefined,
    trace: error instanceof Error ? error.stack?.match(/^ {4}at .*$/gm)?.join('\n') : undefined,
  };
}

const errorNameSuffix = (error: unknown): string => (error instanceof Error ? ` (${error.name})` : '');
