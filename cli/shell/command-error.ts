/** Failures of the command: what people are told, and the exit code that scripts switch on. */
import { AnimaError, type AnimaErrorCode } from '../../sdk/src/index.ts';

/** What the command ends with. `run` alone ends with the code of the command that it ran. */
export const exitCodes = {
  ok: 0,
  /** The thing was tried and is not so: a signature that does not verify, a check that fails, a file that can't be written. */
  failed: 1,
  /** The command was not understood, or an input is not of the documented form; nothing was sent. */
  usage: 2,
  /** There is nothing of that name, version or id, or it has expired. */
  notFound: 3,
  /** No key, not a valid one, or one that may not do this. */
  denied: 4,
  /** What is there is in another state: another version, a file of that name, or an organization that is locked or shredded. */
  conflict: 5,
  /** The vault could not be reached, or does not work now: the same command may succeed later. */
  unavailable: 6,
  /** What is stored could not be opened. */
  decryption: 7,
} as const;

export type ExitName = keyof typeof exitCodes;
export type ExitCode = (typeof exitCodes)[ExitName];

/** One line each for help and docs. */
export const exitMeanings: Readonly<Record<ExitName, string>> = {
  ok: 'it was done',
  failed: 'it was tried and failed, or a check does not hold',
  usage: 'the command or an input is wrong; nothing was done',
  notFound: 'nothing of that name, version or id',
  denied: 'no key, or one that may not do this',
  conflict: 'another version or state is there, or the organization is locked or shredded',
  unavailable: 'the vault could not be reached or does not work now',
  decryption: 'what is stored could not be opened',
};

/**
 * A failure that the command itself found. The message says what happened and what was not done, `next` what to do;
 * neither may ever hold a value or a key.
 */
export class CommandError extends Error {
  static {
    CommandError.prototype.name = 'CommandError';
  }

  readonly exit: ExitCode;
  readonly next: string | undefined;

  constructor(message: string, options: { exit: ExitCode; next?: string }) {
    super(message);
    this.exit = options.exit;
    this.next = options.next;
  }
}

/** A wrong command or input: nothing was sent. */
export function usageError(message: string, next?: string): CommandError {
  return new CommandError(message, { exit: exitCodes.usage, ...(next === undefined ? {} : { next }) });
}

/** Exit code and next step of each code of the vault and its client. The compiler refuses a code without a row. */
const exitByErrorCode: Readonly<Record<AnimaErrorCode, readonly [ExitName, string?]>> = {
  invalid_request: ['usage'],
  invalid_name: ['usage', 'A name is a path such as prod/stripe/key: A-Z a-z 0-9 . _ @ : - and single slashes.'],
  invalid_cursor: ['usage'],
  invalid_argument: ['usage'],
  insecure_url: ['usage', 'Give an address that begins with https://.'],
  value_too_large: ['usage', 'A value holds at most 64 KiB.'],
  request_too_large: ['usage', 'Send fewer or smaller values at once.'],
  record_too_large: ['usage', 'A record holds at most 64 KiB of JSON.'],
  unsupported_media_type: ['usage'],
  blob_too_large: ['usage', 'The operator can allow more; or split the file.'],
  invalid_link: [
    'usage',
    'A link goes on to its last character: …/b/, 58 characters, #, and 43 more. Quote it in a shell.',
  ],
  missing_api_key: ['denied', 'Log in with `anima login`, or set ANIMA_KEY.'],
  invalid_api_key: ['denied', '`anima doctor` looks at the key; `anima login` stores another.'],
  api_key_revoked: ['denied', 'Ask an admin for a new key, then `anima login`.'],
  api_key_expired: ['denied', 'Ask an admin for a new key, then `anima login`.'],
  forbidden: [
    'denied',
    '`anima whoami` tells what this key may do; an admin can make another with `anima keys create`.',
  ],
  wrong_key_kind: ['denied', 'A user key opens memory only; for values and blobs use an API key of the organization.'],
  missing_credential: ['denied', 'Set ANIMA_KEY to the user key.'],
  invalid_credential: ['denied', 'The user key was changed, or its user deleted; use the newest one.'],
  login_refused: ['denied'],
  signature_refused: ['denied'],
  proof_refused: ['denied', 'The part of the link behind # is not its own; ask its sender for the whole link.'],
  blob_not_found: [
    'notFound',
    'Its link was replaced, or it is gone. `anima blobs list` shows what is there; of a link ask the sender for another.',
  ],
  blob_expired: ['notFound', 'Ask its sender to share it anew.'],
  blob_spent: ['notFound', 'It was opened as often as it may be; ask its sender to share it anew.'],
  blob_deleted: ['notFound', 'Ask its sender to share it anew.'],
  value_not_found: ['notFound', '`anima list` shows the names that are there.'],
  version_not_found: ['notFound', '`anima versions NAME` shows the versions that are kept.'],
  api_key_not_found: ['notFound', '`anima keys list` shows the ids.'],
  value_expired: ['notFound', 'Store it anew with `anima set NAME`.'],
  user_not_found: ['notFound'],
  slot_not_found: ['notFound'],
  record_not_found: ['notFound'],
  route_not_found: ['unavailable', 'Is this the address of an Anima vault? `anima doctor` looks.'],
  unexpected_response: ['unavailable', 'Is this the address of an Anima vault? `anima doctor` looks.'],
  version_conflict: ['conflict', '`anima versions NAME` shows the version that is there; give that as --cas.'],
  write_id_reused: ['conflict'],
  blob_not_uploaded: ['conflict', 'Its upload has not ended; `anima share --resume` goes on with one that broke off.'],
  blob_completed: ['conflict'],
  upload_mismatch: ['conflict', 'Share it anew.'],
  content_changed: ['conflict', 'Share it anew, without --resume.'],
  record_exists: ['conflict'],
  login_taken: ['conflict', 'Choose another login.'],
  last_slot: ['conflict', 'Add another way to open the data first, or delete the account.'],
  too_many_slots: ['conflict', 'Remove a slot first.'],
  no_shred_pending: ['conflict', '`anima shred status` tells the state of the organization.'],
  decryption_failed: [
    'decryption',
    'The stored value was altered, or its key is gone. Store it anew, and look at `anima audit query`.',
  ],
  org_locked: ['conflict', 'An admin can end the lock with `anima shred cancel` until its time is over.'],
  org_shredded: ['conflict', 'Its data can’t be brought back. `anima shred status` shows the receipts.'],
  too_many_attempts: ['unavailable', 'Wait a quarter of an hour, then try again.'],
  internal: ['unavailable', 'Try again; the operator finds the request by its id in the logs.'],
  unavailable: ['unavailable', 'Try again in a moment.'],
  audit_unavailable: ['unavailable', 'Try again in a moment.'],
  key_unavailable: ['unavailable', 'Try again in a moment; the operator can look at the KMS key.'],
  write_contention: ['unavailable', 'Try again in a moment.'],
  reply_full: ['unavailable', 'Ask for fewer values at once.'],
  connection_failed: [
    'unavailable',
    'Is the address right, and the vault running? `anima doctor` looks; `anima dev` starts a local vault.',
  ],
  storage_refused: ['unavailable', 'Try again; what began more than half an hour ago is begun anew.'],
  timeout: ['unavailable', 'Try again; `anima doctor` looks at the connection.'],
  aborted: ['unavailable'],
};

/** A failure as it is told: to people as two or three lines, to scripts as JSON. */
export interface Failure {
  readonly exit: ExitCode;
  readonly message: string;
  /** Code of the vault or its client; for failures of the command the name of the exit code. */
  readonly code: string;
  readonly next: string | undefined;
  readonly requestId: string | undefined;
  /** Where it was thrown, for what nobody foresaw: places alone, since the text of such an error may hold anything. */
  readonly trace?: string | undefined;
}

/** What is to be told of anything that was thrown. Of what nobody foresaw only its system code: its text may hold anything. */
export function toFailure(error: unknown): Failure {
  if (error instanceof CommandError) {
    const [name = 'failed'] = Object.entries(exitCodes).find(([, code]) => code === error.exit) ?? [];
    return { exit: error.exit, message: error.message, code: name, next: error.next, requestId: undefined };
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
    message: known
      ? `The system refused it (${code})`
      : `The command failed in a way it does not know${errorNameSuffix(error)}`,
    code: 'failed',
    next: known ? undefined : 'Please report this with what ANIMA_DEBUG=1 adds, and without any secret.',
    requestId: undefined,
    trace: error instanceof Error ? error.stack?.match(/^ {4}at .*$/gm)?.join('\n') : undefined,
  };
}

const errorNameSuffix = (error: unknown): string => (error instanceof Error ? ` (${error.name})` : '');
