/** Failures of pairing, device management, recovery, export and import. Each says what happened, and what to do. */
export const rosterErrorMessages = {
  pairing_unknown:
    'The service has no such pairing: it ended, was refused on the other device, or is of another vault. Nothing was kept. Begin a new pairing on both devices',
  pairing_expired:
    'The other device did not answer within ten minutes. Nothing was kept. Begin a new pairing on both devices',
  pairing_busy: 'Another pairing is in progress on this device. Nothing was sent. Complete or abort it first',
  pairing_refused:
    'A message of the pairing is not what this pairing requires, and somebody may be between the devices. Nothing was kept. Begin a new pairing on both devices',
  qr_refused:
    'The text is not the QR code that this call requires. Nothing was sent or kept. Show a new code on the other device',
  not_confirmed:
    'The person did not confirm the code. This device added and kept nothing. If the other device has approved, remove the new device there',
  admission_refused:
    'The log does not contain the approval that both devices agreed on. This device kept nothing. If the other device lists this one, remove it there; then begin again',
  not_an_admin: 'This device does not have the role admin. Nothing was changed. Use an admin device',
  device_known:
    'The keys of the new device were used in this vault before. Nothing was changed. Begin a new pairing on the new device; it then makes new keys',
  members_full: 'The vault has the maximum number of devices. Nothing was changed. Remove a device that is not used',
  roster_full:
    'The vault has the maximum number of changes of its devices. Nothing was changed. Only removals and a recovery are possible; create a new vault and import an export into it',
  unknown_device: 'The vault has no such device. Nothing was changed. List the devices',
  own_device: 'A device cannot remove itself. Nothing was changed. Call leave, or remove it from another device',
  last_admin:
    'The last admin device cannot leave. Nothing was changed. Approve another admin device first, or close the vault',
  entry_void: 'The change was stored without an effect. The devices are as before. Sync, then try again',
  code_mistyped: 'The text is not a recovery code: a character is wrong or missing. Nothing was sent. Type it again',
  code_refused:
    'The code does not open the recovery box of this vault: it is the code of another vault, a newer code replaced it, or the service sent another box. Nothing was kept. Try the newest code of this vault',
  code_replaced: 'The code is no longer valid: a newer code replaced it. Nothing was kept. Use the newest code',
  recovery_missing: 'The vault has no recovery code. Nothing was kept. Join from a device of the vault instead',
  chain_rolled_back:
    'The log is not the one in which the code was made, or it ends before. Nothing was kept or changed. Try again later; if it happens again, the service is faulty or hostile',
  import_malformed: 'The text is not an export file. Nothing was imported',
  import_code_refused: 'The code or key does not open the export file. Nothing was imported',
  argon2_missing:
    'This platform has no Argon2id, which the code of an export file needs. Nothing was done. Pass an implementation, or use the key',
} as const;
