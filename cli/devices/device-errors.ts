/** Exit codes and next steps for the failures of device vaults. */
import type { DeviceErrorCode } from '../../sdk/src/device/device-errors.ts';
import { DeviceVaultError } from '../../sdk/src/device/device-vault-error.ts';
import { CommandError, type ExitName, exitCodes, type Failure, toFailure } from '../shell/command-error.ts';

const joinAgain = '`anima device leave --forget` deletes the copy on this device; then run `anima device join`.';
const listDevices = '`anima device list` shows the devices.';

/** Without a next step of this command, the one of the SDK is printed. The compiler rejects a missing code. */
const rows: Readonly<Record<DeviceErrorCode, readonly [ExitName, string?]>> = {
  bad_envelope: [
    'failed',
    'Try again later. If it happens again, compare the output of `anima device head` with that of another device.',
  ],
  update_required: ['failed', 'Update anima, then run `anima device sync`.'],
  no_key: [
    'denied',
    'Run `anima device rotate` on another device with the role admin, then `anima device sync` here; or write the record again there.',
  ],
  rotation_due: ['conflict', 'Run `anima device sync` on a device with the role admin, then here.'],
  not_a_member: ['denied', joinAgain],
  vault_closed: ['conflict'],
  change_refused: ['conflict', 'Run `anima device sync`, then try again.'],
  too_many_conflicts: ['unavailable', 'Run `anima device sync` in a moment.'],
  vault_in_use: ['conflict', 'Another `anima` command uses this vault. Let it end, or end it; then try again.'],
  vault_unknown: ['notFound', '`anima device list` shows the vaults; `anima device join` adds this device to one.'],
  vault_exists: ['conflict', `Use it: \`anima device list\`. If this device was removed from it: ${joinAgain}`],
  not_open: ['failed'],
  storage_damaged: ['decryption', joinAgain],
  keys_locked: [
    'unavailable',
    'Unlock the system keyring, and try again. `anima doctor` says whether a keyring is available, and ANIMA_KEYRING=off disables it.',
  ],
  storage_failed: ['failed', 'Check the free space and the permissions of the folder (`anima doctor` names it).'],
  unsupported_platform: ['failed', 'Update Node.js.'],
  unreadable_content: ['decryption', 'Update anima, or replace the record with `anima records put`.'],
  conflict_pending: [
    'conflict',
    '`anima records conflicts` shows both sides; `anima records resolve` decides between them.',
  ],
  record_unknown: [
    'notFound',
    '`anima device sync` reads what other devices wrote; `anima records list` and `history` show what there is.',
  ],
  record_too_large: ['usage', 'Split it, or store the content with `anima share` and its link in the record.'],
  invalid_record: ['usage'],
  prune_unconfirmed: ['usage', 'Run `anima device prune` in a terminal, or with --yes.'],
  pairing_unknown: ['notFound', 'Begin again: `anima device join` on the new device, then `anima device approve`.'],
  pairing_expired: ['notFound', 'Begin again: `anima device join` on the new device, then `anima device approve`.'],
  pairing_busy: ['conflict'],
  pairing_refused: ['failed', 'Begin again: `anima device join` on the new device, then `anima device approve`.'],
  qr_refused: ['usage', 'Show a new code on the other device, and copy its whole text: it begins with ANIMA-.'],
  not_confirmed: [
    'failed',
    'If the other device has confirmed, look at `anima device list` there, and remove what does not belong.',
  ],
  admission_refused: [
    'failed',
    'Look at `anima device list` on the other device, remove this device there, and begin again.',
  ],
  not_an_admin: ['denied', `Use a device with the role admin. ${listDevices}`],
  device_known: ['conflict', 'Begin again with `anima device join`, which makes new keys.'],
  members_full: ['conflict', 'Remove a device that is not used: `anima device remove`.'],
  roster_full: [
    'conflict',
    'Create another vault, and move the records: `anima device export-pia`, `anima device import-pia`.',
  ],
  unknown_device: ['notFound', listDevices],
  own_device: ['usage', '`anima device leave` ends the membership of this device.'],
  last_admin: [
    'conflict',
    'Add another admin device first (`anima device join`), or end the vault with `anima device close`.',
  ],
  entry_void: ['conflict', 'Run `anima device sync`, then try again.'],
  code_mistyped: ['usage', 'Compare it with the page, and type it again.'],
  code_refused: ['denied', 'Try the newest recovery code of this vault.'],
  code_replaced: ['denied', 'Use the newest recovery code of this vault.'],
  recovery_missing: ['notFound', 'Join from a device of the vault instead: `anima device join`.'],
  chain_rolled_back: ['failed'],
  import_malformed: ['usage'],
  import_code_refused: ['denied', 'Check the code or key, and that it belongs to this file.'],
  argon2_missing: ['failed', 'Use Node.js 24.7 or later, or the key instead of the code.'],
};

/**
 * A failure of a device vault as one of the command; any other error as it is. A message of the SDK has three parts: what
 * happened, what was not done, and what a program does next. The last one is replaced by what a person does.
 */
export function asCommandError(error: unknown): unknown {
  if (!(error instanceof DeviceVaultError)) return error;
  const { code, message, reason, detail } = error;
  const [exit, next] = rows[code];
  const details = [reason, detail].filter((part) => part !== undefined);
  const suffix = details.length === 0 ? '' : ` (${details.join('; ')})`;
  const sentences = message.slice(0, message.length - suffix.length).split('. ');
  const hasNext = sentences.length > 2;
  const said = (hasNext ? sentences.slice(0, -1) : sentences).join('. ');
  const ownNext = hasNext ? `${sentences.at(-1)}.` : undefined;
  const shownNext = next ?? ownNext;
  const options = { exit: exitCodes[exit], code, ...(shownNext === undefined ? {} : { next: shownNext }) };
  return new CommandError(`${said}${suffix}`, options);
}

/** The message, code and next step of any failure. */
export const toDeviceFailure = (error: unknown): Failure => toFailure(asCommandError(error));

/** Whether an error of the SDK has this code. */
export const isDeviceError = (error: unknown, code: DeviceErrorCode): boolean =>
  error instanceof DeviceVaultError && error.code === code;
