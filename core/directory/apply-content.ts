/** The effect of an entry whose envelope was verified (docs/format-directory.md, section 3). */
import { type Bytes, equalBytes } from '../encoding/bytes.ts';
import { verifyEd25519 } from '../hazmat/ed25519.ts';
import { applyCountersign, applyLink, applyUnlink } from './apply-links.ts';
import { applyStatus } from './apply-status.ts';
import { deviceIdOf, fleetIdOf } from './directory-ids.ts';
import {
  type DirectoryState,
  isAuthority,
  isUsedKey,
  personState,
  signingOwner,
  type VoidReason,
  withDevice,
  withFleet,
  withUsedKeys,
} from './directory-state.ts';
import type { DirectoryEntry } from './entry.ts';
import {
  type DeviceFacts,
  type EntryBody,
  type FleetFacts,
  type OrgKeys,
  parseBody,
  recoveryProofMessage,
} from './entry-bodies.ts';

/** Who signed an entry. A cosigner is an authority. */
type SignerKind = 'authority' | 'cosigned' | 'recovery' | 'owner' | undefined;

/** Applies an entry to the state that has it as head. Returns why it has no effect otherwise. */
export function applyContent(state: DirectoryState, entry: DirectoryEntry, hash: Bytes): DirectoryState | VoidReason {
  const device = signingOwner(state, entry.signer);
  if (device !== undefined && device.expires !== 0 && device.expires <= entry.time) return 'expired';
  if (entry.op === 'genesis') return 'misplaced_genesis';
  const body = parseBody(entry.op, entry.body);
  if (body === undefined) return 'malformed_body';
  if (body.op === 'rotate' && !isRecoveryProven(state.org, body)) return 'malformed_body';
  const kind = signerKind(state, entry);
  if (!allowedSigners[body.op].includes(kind)) return 'forbidden';
  return applyBody(state, body, { ...entry, kind, hash });
}

/** An entry, what its signer is, and its hash. */
type ContentEntry = DirectoryEntry & { readonly kind: SignerKind; readonly hash: Bytes };

function signerKind(state: DirectoryState, { signer, cosigner }: DirectoryEntry): SignerKind {
  if (isAuthority(state, signer)) return cosigner === undefined ? 'authority' : 'cosigned';
  if (cosigner !== undefined) return undefined;
  return equalBytes(state.recovery, signer) ? 'recovery' : 'owner';
}

const allowedSigners: Readonly<Record<EntryBody['op'], readonly SignerKind[]>> = {
  genesis: [],
  admit: ['authority', 'cosigned', 'recovery'],
  countersign: ['owner'],
  suspend: ['authority', 'owner'],
  resume: ['authority'],
  revoke: ['authority'],
  link: ['authority'],
  unlink: ['authority'],
  delegate: ['authority'],
  rotate: ['cosigned', 'recovery'],
  checkpoint: ['authority'],
};

function applyBody(state: DirectoryState, body: EntryBody, entry: ContentEntry): DirectoryState | VoidReason {
  switch (body.op) {
    case 'rotate':
      return applyRotate(state, body);
    case 'admit':
      return applyAdmit(state, body.device, entry);
    case 'delegate':
      return applyDelegate(state, body.fleet, entry);
    case 'countersign':
      return applyCountersign(state, body, entry);
    case 'suspend':
    case 'resume':
    case 'revoke':
      return applyStatus(state, body, entry);
    case 'link':
      return applyLink(state, body, entry);
    case 'unlink':
      return applyUnlink(state, body);
    // Its roots were compared before.
    case 'checkpoint':
    case 'genesis':
      return state;
  }
}

/** Whether the holder of the recovery key signed that the key is at hand. */
export const isRecoveryProven = (org: string, keys: OrgKeys & { readonly recoveryProof: Bytes }): boolean =>
  verifyEd25519(keys.recovery, recoveryProofMessage(org, keys.recovery), keys.recoveryProof);

/** The state with these keys of the org. Keys that are no longer used are retired. */
export function applyOrgKeys(state: DirectoryState, { authorities, recovery }: OrgKeys): DirectoryState {
  const before = state.authorities.length === 0 ? [] : [...state.authorities, state.recovery];
  const after = [...authorities, recovery];
  const removed = before.filter((key) => !after.some((kept) => equalBytes(kept, key)));
  return {
    ...state,
    authorities,
    recovery,
    retired: [...state.retired, ...removed],
    keys: withUsedKeys(state.keys, after),
  };
}

function applyRotate(state: DirectoryState, keys: OrgKeys): DirectoryState | VoidReason {
  const isReused =
    keys.authorities.some((key) => !isAuthority(state, key) && isUsedKey(state, key)) ||
    (!equalBytes(keys.recovery, state.recovery) && isUsedKey(state, keys.recovery));
  return isReused ? 'key_reused' : applyOrgKeys(state, keys);
}

function applyAdmit(state: DirectoryState, device: DeviceFacts, entry: ContentEntry): DirectoryState | VoidReason {
  const { org } = state;
  const id = deviceIdOf(org, device);
  if (isUsedKey(state, device.ik) || isUsedKey(state, device.dh)) return 'key_reused';
  // A revoked member of a fleet must not come back as a device of its own.
  if (state.members.get(id) !== undefined) return 'key_reused';
  if (state.invites.get(device.invite) !== undefined) return 'invite_reused';
  const person = personState(state, device.person);
  const isOwner = device.role === 'owner';
  if (entry.kind !== 'authority' && !(isOwner && person === 'lost')) return 'forbidden';
  if (entry.kind === 'authority' && person !== 'established' && !(isOwner && person === 'new')) return 'no_owner';
  const { seq, hash } = entry;
  const confirmed = person !== 'established';
  return withDevice(state, { ...device, id, since: seq, entry: hash, confirmed, status: 'active', changed: seq });
}

function applyDelegate(state: DirectoryState, fleet: FleetFacts, entry: ContentEntry): DirectoryState | VoidReason {
  if (isUsedKey(state, fleet.key)) return 'key_reused';
  if (personState(state, fleet.person) !== 'established') return 'no_owner';
  const { seq, hash } = entry;
  const id = fleetIdOf(state.org, fleet.key);
  return withFleet(state, { ...fleet, id, since: seq, entry: hash, confirmed: false, status: 'active', changed: seq });
}
