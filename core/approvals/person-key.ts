/** The key of a person, to which shares of values are sealed (docs/format-approvals.md, section 5). */
import { hashLength, isX25519PublicKey } from '../directory/directory-ids.ts';
import type { HeadRelation } from '../directory/directory-pin.ts';
import type { DirectoryHead, DirectoryState } from '../directory/directory-state.ts';
import { parseHashId } from '../directory/entry-bodies.ts';
import { encodeList, parseList } from '../directory/lists.ts';
import { type Bytes, encodeFieldBytes, u32Bytes, u64Bytes } from '../encoding/bytes.ts';
import {
  decodeFieldBytes,
  decodeTextField,
  decodeU32Field,
  decodeU64Field,
  fieldOfLength,
} from '../encoding/field-reader.ts';
import { type Ed25519KeyPair, signEd25519 } from '../hazmat/ed25519.ts';
import { hpkeOverhead } from '../hazmat/hpke-overhead.ts';
import { boxOverhead } from '../hazmat/portable-aes-gcm.ts';
import { x25519KeyLength } from '../hazmat/x25519.ts';
import { approveRight, findApprover } from './approval-keys.ts';
import { maxPersonKeyBytes, maxPersonKeyDevices, maxPersonKeyEpochs } from './limits.ts';
import { isSignedBy, readSigned, type SignedStatement } from './signed-statement.ts';
import { isOpaque } from './statement.ts';

/** The secret of the key, sealed to the approval key of one device. */
export interface DeviceWrap {
  readonly device: string;
  readonly sealed: Bytes;
}

/** The secret of an earlier epoch, sealed to the key of the present one. */
export interface EarlierEpoch {
  readonly epoch: number;
  readonly key: Bytes;
  readonly sealed: Bytes;
}

/** What one approving device of a person says about the person's key. */
export interface PersonKey {
  readonly org: string;
  readonly person: string;
  /** 1, 2, 3 …: grows whenever the key is replaced. */
  readonly epoch: number;
  /** X25519, 32 bytes. */
  readonly key: Bytes;
  /** 1, 2, 3 …: grows with every statement. Of two, the one with the higher edition counts. */
  readonly edition: number;
  /** Devices that have the secret. */
  readonly wraps: readonly DeviceWrap[];
  /** The secret, sealed with the recovery code. */
  readonly recovery?: Bytes | undefined;
  readonly earlier: readonly EarlierEpoch[];
  /** The device that signed. */
  readonly device: string;
  /** Milliseconds since 1970, by the clock of the device. */
  readonly time: number;
  /** Head of the directory that the device verified. */
  readonly head: DirectoryHead;
}

const label = 'anima:person-key:v1';
const statementFields = 13;
const sealedKeyLength = x25519KeyLength + hpkeOverhead;
const recoveryLength = x25519KeyLength + boxOverhead;

function encodePersonKey(key: PersonKey): Bytes {
  const wraps = encodeList(key.wraps.map(({ device, sealed }) => encodeFieldBytes(device, sealed)));
  const earlier = encodeList(
    key.earlier.map(({ epoch, key: one, sealed }) => encodeFieldBytes(u32Bytes(epoch), one, sealed)),
  );
  return encodeFieldBytes(
    ...[label, key.org, key.person, u32Bytes(key.epoch), key.key, u64Bytes(key.edition), wraps],
    ...[key.recovery ?? '', earlier, key.device, u64Bytes(key.time), u64Bytes(key.head.seq), key.head.hash],
  );
}

/** The statement and its signature, as a device publishes them. @throws RangeError for a statement that nobody accepts */
export function signPersonKey(key: PersonKey, ik: Ed25519KeyPair): Bytes {
  const statement = encodePersonKey(key);
  const signed = encodeFieldBytes(statement, signEd25519(ik.seed, statement));
  if (readPersonKey(signed) === undefined) throw new RangeError('not the key of a person');
  return signed;
}

/** A statement whose signature was not verified yet. */
export interface ReadPersonKey extends SignedStatement {
  readonly key: PersonKey;
}

/** Parses what a device publishes; undefined for any other form. Nothing of it is verified. */
export function readPersonKey(signed: Uint8Array): ReadPersonKey | undefined {
  if (signed.length > maxPersonKeyBytes) return undefined;
  const read = readSigned(signed);
  const key = read && parsePersonKey(read.statement);
  return key && { ...read, key };
}

function parsePersonKey(statement: Bytes): PersonKey | undefined {
  const fields = decodeFieldBytes(statement);
  if (fields?.length !== statementFields) return undefined;
  const [what, org, person] = fields.slice(0, 3).map(decodeTextField);
  const [epoch, edition] = [decodeU32Field(fields[3]), decodeU64Field(fields[5])];
  const [key, wraps, device] = [x25519Field(fields[4]), parseWraps(fields[6]), parseHashId(fields[9])];
  const recovery = fields[7]?.length === 0 ? undefined : fieldOfLength(fields[7], recoveryLength);
  const [time, seq] = [decodeU64Field(fields[10]), decodeU64Field(fields[11])];
  const hash = fieldOfLength(fields[12], hashLength);
  if (what !== label || !isOpaque(org) || !isOpaque(person) || key === undefined) return undefined;
  if (epoch === undefined || epoch < 1 || edition === undefined || edition < 1) return undefined;
  const earlier = parseEarlier(fields[8], epoch);
  if (wraps === undefined || earlier === undefined || device === undefined) return undefined;
  if (recovery === undefined && fields[7]?.length !== 0) return undefined;
  if (time === undefined || seq === undefined || hash === undefined) return undefined;
  return { org, person, epoch, key, edition, wraps, recovery, earlier, device, time, head: { seq, hash } };
}

function x25519Field(field: Bytes | undefined): Bytes | undefined {
  const key = fieldOfLength(field, x25519KeyLength);
  return key !== undefined && isX25519PublicKey(key) ? key : undefined;
}

function parseWraps(field: Bytes | undefined): readonly DeviceWrap[] | undefined {
  const wraps = parseList(field, maxPersonKeyDevices)?.map((item) => {
    const parts = decodeFieldBytes(item);
    const [device, sealed] = [parseHashId(parts?.[0]), fieldOfLength(parts?.[1], sealedKeyLength)];
    return parts?.length === 2 && device !== undefined && sealed !== undefined ? { device, sealed } : undefined;
  });
  if (wraps === undefined || wraps.length === 0 || !wraps.every((wrap) => wrap !== undefined)) return undefined;
  return new Set(wraps.map(({ device }) => device)).size === wraps.length ? wraps : undefined;
}

/** Earlier epochs, in ascending order, all below the present one. */
function parseEarlier(field: Bytes | undefined, present: number): readonly EarlierEpoch[] | undefined {
  const earlier = parseList(field, maxPersonKeyEpochs)?.map((item) => {
    const parts = decodeFieldBytes(item);
    const [epoch, key] = [decodeU32Field(parts?.[0]), x25519Field(parts?.[1])];
    const sealed = fieldOfLength(parts?.[2], sealedKeyLength);
    if (parts?.length !== 3 || epoch === undefined || key === undefined || sealed === undefined) return undefined;
    return { epoch, key, sealed };
  });
  if (earlier === undefined || !earlier.every((one) => one !== undefined)) return undefined;
  const isBelow = earlier.every(({ epoch }, at) => epoch > (earlier[at - 1]?.epoch ?? 0) && epoch < present);
  return isBelow ? earlier : undefined;
}

/**
 * Why nothing is sealed to a key. `key_outdated`: a device that has, or could have, the secret does not approve any more,
 * so the person must replace the key first.
 */
export type PersonKeyRefusal =
  | 'other_person'
  | 'directory_behind'
  | 'directory_forked'
  | 'directory_unknown'
  | 'not_approver'
  | 'bad_signature'
  | 'key_outdated';

export interface PersonKeyContext {
  /** The verified directory, up to its newest entry. */
  readonly state: DirectoryState;
  readonly person: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  relationOf(head: DirectoryHead): HeadRelation;
}

/** Judges the key of a person in the order of section 5. @returns undefined if values may be sealed to it */
export function judgePersonKey(read: ReadPersonKey, context: PersonKeyContext): PersonKeyRefusal | undefined {
  const { key } = read;
  const { state, person, now } = context;
  if (key.org !== state.org || key.person !== person) return 'other_person';
  const relation = context.relationOf(key.head);
  if (relation === 'ahead') return 'directory_behind';
  if (relation === 'forked') return 'directory_forked';
  if (relation === 'older') return 'directory_unknown';
  const signer = findApprover(state, key.device, now);
  if (signer?.person !== person) return 'not_approver';
  if (!isSignedBy(signer.ik, read)) return 'bad_signature';
  const isCurrent = key.wraps.every(({ device }) => findApprover(state, device, now)?.person === person);
  return isCurrent && !lostApproverSince(key, context) ? undefined : 'key_outdated';
}

/**
 * Whether a device of the person stopped approving after the statement was made. A later statement may have given it the
 * secret of the same epoch, and a service can hide that statement and every later one: then the wraps do not show it.
 */
function lostApproverSince({ head, time }: PersonKey, { state, person, now }: PersonKeyContext): boolean {
  return (state.owners.get(person) ?? []).some((id) => {
    const device = state.devices.get(id);
    if (device === undefined || !device.confirmed || !device.can.includes(approveRight)) return false;
    if (device.status !== 'active') return device.changed > head.seq;
    return device.expires !== 0 && device.expires <= now && device.expires > time;
  });
}
