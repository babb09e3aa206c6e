/** The checks of a new device before it trusts the chain (docs/format-devices.md, section 10, step 6). */
import { entryHash, parseSignedEntry, type SignedEntry } from '../../../../core/devices/chain-entry.ts';
import { publicKeysOf } from '../../../../core/devices/device-keys.ts';
import { parseRosterBody, type RosterBody } from '../../../../core/devices/roster-body.ts';
import { deviceIdOf, type MemberKeys } from '../../../../core/devices/vault-scope.ts';
import { type Bytes, equalBytes } from '../../../../core/encoding/bytes.ts';
import { deviceError } from '../device-errors.ts';
import type { DeviceVaultError } from '../device-vault-error.ts';
import type { VaultEngine } from '../vault-engine-types.ts';

/** What both devices agreed on. */
export interface Admission {
  readonly pairing: string;
  readonly transcript: Bytes;
  readonly approverKeys: MemberKeys;
  /** Hash of the head of the approver. */
  readonly head: Bytes;
}

const refused = (detail: string): DeviceVaultError => deviceError('admission_refused', { detail });

/**
 * Verifies that this device was added by the approver of the pairing, in the chain whose head it showed. The engine has
 * verified every entry up to its head.
 * @throws DeviceVaultError admission_refused
 */
export async function verifyAdmission(engine: VaultEngine, admission: Admission): Promise<void> {
  const approver = await deviceIdOf(admission.approverKeys);
  const self = publicKeysOf(engine.keys);
  const member = engine.view.state.members.get(engine.keys.id);
  if (member === undefined) throw refused('this device is not a member');
  // The entry that made this device a member was accepted, so its signer was an admin just before it.
  const entry = await readEntry(engine, member.since);
  const body = await bodyOf(entry);
  if (body?.kind !== 'add') throw refused('this device was not added by an approval');
  const isAgreed = body.pairing === admission.pairing && equalBytes(body.transcript, admission.transcript);
  if (!isAgreed) throw refused('the approval is of another pairing');
  if (entry.signer !== approver) throw refused('another device signed the approval');
  const isSelf = equalBytes(body.member.ecdh, self.ecdh) && equalBytes(body.member.ecdsa, self.ecdsa);
  if (!isSelf) throw refused('the approval is for other keys');
  // The entry before the approval. The log may have been pruned up to it.
  if (!equalBytes(entry.prev, admission.head)) await verifyHead(engine, member.since, approver, admission.head);
  if (engine.view.key(entry.epoch) === undefined) throw refused('the key in the approval does not open');
}

/** Requires the head of the approver before the approval, and no entry between them that made it a member. */
async function verifyHead(engine: VaultEngine, added: number, approver: string, head: Bytes): Promise<void> {
  for (let seq = added - 1; seq >= 1; seq--) {
    const entry = await readEntry(engine, seq);
    if (equalBytes(await entryHash(entry.unsigned), head)) return;
    // An id is used once, and an accepted approval needs an admin. So without such an entry it was one at that head.
    if (membersIn(await bodyOf(entry)).includes(approver)) throw refused('the approving device joined after its head');
  }
  throw refused('the head that the approving device showed is not in the log');
}

async function bodyOf({ kind, body }: SignedEntry): Promise<RosterBody | undefined> {
  return kind === 'genesis' || kind === 'add' || kind === 'recover' ? await parseRosterBody(kind, body) : undefined;
}

const membersIn = (body: RosterBody | undefined): readonly string[] =>
  body !== undefined && 'member' in body ? [body.member.id] : [];

async function readEntry(engine: VaultEngine, seq: number): Promise<SignedEntry> {
  const signed = await engine.entry(seq);
  const entry = signed && parseSignedEntry(signed);
  if (entry === undefined || typeof entry === 'string') throw refused('an entry of the log is missing on this device');
  return entry;
}
