/** The bodies of roster entries (docs/format-devices.md, section 7). */
import { type Bytes, encodeFieldBytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, fieldOfLength } from '../encoding/field-reader.ts';
import { pointLength } from '../hazmat/p256.ts';
import { boxOverhead } from '../hazmat/portable-aes-gcm.ts';
import { hashLength, type RosterKind } from './chain-entry.ts';
import { maxLabelBytes } from './limits.ts';
import { areMemberKeys, deviceIdOf, isDeviceId, isOpaqueIdText, type MemberKeys } from './vault-scope.ts';

/** `admin` signs roster entries, `data` records only, `recovery` an entry `recover` only. */
export type Role = 'admin' | 'data' | 'recovery';

export interface NewMember extends MemberKeys {
  readonly id: string;
  readonly role: Role;
  /** Sealed label of the device; empty without one. */
  readonly label: Bytes;
}

/** The key material of an entry: hash of its wraps, and commitment of the epoch whose UMK they wrap. */
interface WithWraps {
  readonly wraps: Bytes;
  readonly commitment: Bytes;
}

/** `prevRoster` is the hash of the roster entry before; 32 zero bytes for `genesis`. */
export type RosterBody = { readonly prevRoster: Bytes } & (
  | ({ readonly kind: 'genesis'; readonly member: NewMember } & WithWraps)
  | ({
      readonly kind: 'add';
      readonly member: NewMember;
      readonly pairing: string;
      readonly transcript: Bytes;
    } & WithWraps)
  | ({ readonly kind: 'remove'; readonly device: string } & WithWraps)
  | ({ readonly kind: 'rotate' } & WithWraps)
  | ({ readonly kind: 'recovery'; readonly recovery: NewMember; readonly box: Bytes } & WithWraps)
  | ({
      readonly kind: 'recover';
      readonly member: NewMember;
      readonly recovery: NewMember;
      readonly box: Bytes;
    } & WithWraps)
  | { readonly kind: 'leave' }
  | { readonly kind: 'close' }
);

const encodeMember = ({ ecdh, ecdsa, role, label }: NewMember): Bytes => encodeFieldBytes(ecdh, ecdsa, role, label);

export const encodeRosterBody = (body: RosterBody): Bytes => encodeFieldBytes(body.prevRoster, ...fieldsOf(body));

/** The fields after the first. */
function fieldsOf(body: RosterBody): readonly (string | Bytes)[] {
  switch (body.kind) {
    case 'genesis':
      return [body.wraps, body.commitment, encodeMember(body.member)];
    case 'add':
      return [body.wraps, body.commitment, encodeMember(body.member), body.pairing, body.transcript];
    case 'remove':
      return [body.wraps, body.commitment, body.device];
    case 'rotate':
      return [body.wraps, body.commitment];
    case 'recovery':
      return [body.wraps, body.commitment, encodeMember(body.recovery), body.box];
    case 'recover':
      return [body.wraps, body.commitment, encodeMember(body.member), encodeMember(body.recovery), body.box];
    case 'leave':
    case 'close':
      return [];
  }
}

async function parseMember(encoded: Bytes | undefined, roles: readonly Role[]): Promise<NewMember | undefined> {
  const [ecdhField, ecdsaField, roleField, label, ...rest] = decodeFieldBytes(encoded ?? new Uint8Array(0)) ?? [];
  const ecdh = fieldOfLength(ecdhField, pointLength);
  const ecdsa = fieldOfLength(ecdsaField, pointLength);
  const role = roles.find((one) => one === decodeTextField(roleField));
  if (ecdh === undefined || ecdsa === undefined || role === undefined) return undefined;
  if (label === undefined || rest.length > 0 || !areMemberKeys({ ecdh, ecdsa })) return undefined;
  const isLabel = label.length === 0 || (label.length >= boxOverhead && label.length <= maxLabelBytes);
  if (!isLabel || (role === 'recovery' && label.length > 0)) return undefined;
  return { id: await deviceIdOf({ ecdh, ecdsa }), ecdh, ecdsa, role, label: new Uint8Array(label) };
}

/** Number of fields of each body. */
const fieldCounts: Record<RosterKind, number> = {
  genesis: 4,
  add: 6,
  remove: 4,
  leave: 1,
  rotate: 3,
  recovery: 5,
  recover: 6,
  close: 1,
};

/** Parses a body; undefined for any other form. */
export async function parseRosterBody(kind: RosterKind, encoded: Uint8Array): Promise<RosterBody | undefined> {
  const fields = decodeFieldBytes(encoded);
  const prevRoster = fieldOfLength(fields?.[0], hashLength);
  if (fields?.length !== fieldCounts[kind] || prevRoster === undefined) return undefined;
  if (kind === 'leave' || kind === 'close') return { kind, prevRoster };
  const wraps = fieldOfLength(fields[1], hashLength);
  const commitment = fieldOfLength(fields[2], hashLength);
  if (wraps === undefined || commitment === undefined) return undefined;
  return await parseSubject(kind, { prevRoster, wraps, commitment }, fields.slice(3));
}

type Common = { readonly prevRoster: Bytes } & WithWraps;

async function parseSubject(
  kind: Exclude<RosterKind, 'leave' | 'close'>,
  common: Common,
  fields: readonly Bytes[],
): Promise<RosterBody | undefined> {
  switch (kind) {
    case 'genesis': {
      const member = await parseMember(fields[0], ['admin']);
      return member && { kind, ...common, member };
    }
    case 'add':
      return await parseAdd(common, fields);
    case 'remove': {
      const device = decodeTextField(fields[0]) ?? '';
      return isDeviceId(device) ? { kind, ...common, device } : undefined;
    }
    case 'rotate':
      return { kind, ...common };
    case 'recovery': {
      const recovery = await parseMember(fields[0], ['recovery']);
      const box = fieldOfLength(fields[1], hashLength);
      return recovery && box && { kind, ...common, recovery, box };
    }
    case 'recover': {
      const member = await parseMember(fields[0], ['admin']);
      const recovery = await parseMember(fields[1], ['recovery']);
      const box = fieldOfLength(fields[2], hashLength);
      return member && recovery && box && { kind, ...common, member, recovery, box };
    }
  }
}

async function parseAdd(common: Common, fields: readonly Bytes[]): Promise<RosterBody | undefined> {
  const member = await parseMember(fields[0], ['admin', 'data']);
  const pairing = decodeTextField(fields[1]) ?? '';
  const transcript = fieldOfLength(fields[2], hashLength);
  if (member === undefined || transcript === undefined || !isOpaqueIdText(pairing)) return undefined;
  return { kind: 'add', ...common, member, pairing, transcript };
}
