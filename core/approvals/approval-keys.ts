/** Keys of brokers and of approving devices (docs/format-approvals.md, section 1). */
import { isX25519PublicKey } from '../directory/directory-ids.ts';
import type { Device, DirectoryState } from '../directory/directory-state.ts';
import { findParticipant, type Participant } from '../directory/may-write.ts';
import { type Bytes, encodeFieldBytes, u64Bytes, utf8Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU64Field, fieldOfLength } from '../encoding/field-reader.ts';
import { type Ed25519KeyPair, ed25519KeyPairOf, signEd25519 } from '../hazmat/ed25519.ts';
import { hkdfSha256 } from '../hazmat/hkdf-sha256.ts';
import { type X25519KeyPair, x25519KeyLength, x25519PublicKey } from '../hazmat/x25519.ts';
import { isSignedBy, readSigned } from './signed-statement.ts';

/** The right of a device in the directory to answer questions. */
export const approveRight = 'approve';

/** What KMS computes the MAC of, for the keys of the broker of a person. */
export const brokerKeyMessage = (org: string, person: string): Bytes =>
  encodeFieldBytes('anima:broker-key:v1', org, person);

/**
 * The keys of the broker of a person.
 * @param seed 32 bytes from KMS, which the caller zeroes, as it does the keys
 */
export function deriveBrokerKeys(seed: Uint8Array): { readonly ik: Ed25519KeyPair; readonly dh: X25519KeyPair } {
  const derive = (info: string) => hkdfSha256(seed, new Uint8Array(0), utf8Bytes(info), 32);
  const [ik, secret] = [derive('anima:broker:ik:v1'), derive('anima:broker:dh:v1')];
  return { ik: ed25519KeyPairOf(ik), dh: { secret, key: x25519PublicKey(secret) } };
}

/**
 * The device, if it may answer questions to its person now.
 * @param now milliseconds since 1970
 */
export function findApprover(state: DirectoryState, device: string, now: number): Participant | undefined {
  const found = findParticipant(state, device, now);
  return found?.role === 'owner' && found.can.includes(approveRight) ? found : undefined;
}

/** The devices of a person that may answer now, in the order of the directory. @param now milliseconds since 1970 */
export const approversOf = (state: DirectoryState, person: string, now: number): readonly Participant[] =>
  (state.owners.get(person) ?? []).flatMap((id) => findApprover(state, id, now) ?? []);

/** Whether a device is a broker of a person, whose questions its devices believe. */
export const isBrokerOf = (person: string, device: Device): boolean =>
  device.role === 'broker' && device.person === person && device.confirmed && device.status === 'active';

/** The brokers of a person. */
export const brokersOf = (state: DirectoryState, person: string): readonly Device[] =>
  [...state.devices.values()].filter((device) => isBrokerOf(person, device));

/** The key to which questions to a device are sealed. */
export interface ApprovalKey {
  readonly device: string;
  /** X25519, 32 bytes. */
  readonly ak: Bytes;
  /** Milliseconds since 1970, by the clock of the device. Of two statements, the one with the higher time counts. */
  readonly time: number;
}

const label = 'anima:approval-key:v1';

const encodeKey = (org: string, { device, ak, time }: ApprovalKey): Bytes =>
  encodeFieldBytes(label, org, device, ak, u64Bytes(time));

/** The statement and its signature, as the device publishes them. */
export function signApprovalKey(org: string, key: ApprovalKey, ik: Ed25519KeyPair): Bytes {
  const statement = encodeKey(org, key);
  return encodeFieldBytes(statement, signEd25519(ik.seed, statement));
}

/** The published key of a device; undefined unless the device signed it. */
export function readApprovalKey(
  org: string,
  { id, ik }: Pick<Participant, 'id' | 'ik'>,
  signed: Uint8Array,
): ApprovalKey | undefined {
  const read = readSigned(signed);
  const fields = read && decodeFieldBytes(read.statement);
  if (fields?.length !== 5) return undefined;
  const [ak, time] = [fieldOfLength(fields[3], x25519KeyLength), decodeU64Field(fields[4])];
  const [what, whose, device] = fields.map(decodeTextField);
  if (what !== label || whose !== org || device !== id || ak === undefined || time === undefined) return undefined;
  if (!isX25519PublicKey(ak) || read === undefined || !isSignedBy(ik, read)) return undefined;
  return { device, ak, time };
}
