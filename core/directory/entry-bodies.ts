/** The bodies of entries (docs/format-directory.md, section 3). */
import { type Bytes, encodeFieldBytes, u64Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU64Field, fieldOfLength } from '../encoding/field-reader.ts';
import { isEd25519PublicKey } from '../hazmat/ed25519.ts';
import {
  areDirectoryKeys,
  type DirectoryKeys,
  hashLength,
  isHashId,
  isOpaqueName,
  keyLength,
} from './directory-ids.ts';
import type { Operation } from './entry.ts';
import { maxAuthorities } from './limits.ts';
import { encodeList, encodeTextList, parseList, parseRights } from './lists.ts';

const roles = ['owner', 'agent', 'broker'] as const;
export type DirectoryRole = (typeof roles)[number];

/** The keys of an org, in `genesis` and `rotate`. */
export interface OrgKeys {
  /** 1 to 16 Ed25519 keys, in ascending order. */
  readonly authorities: readonly Bytes[];
  /** Ed25519 key that is kept offline. */
  readonly recovery: Bytes;
}

/** The facts about a device, in `admit`. */
export interface DeviceFacts extends DirectoryKeys {
  readonly person: string;
  readonly role: DirectoryRole;
  /** What the device may do, in ascending order. */
  readonly can: readonly string[];
  /** Milliseconds since 1970; 0 for never. */
  readonly expires: number;
  /** Hash of the name; 32 zero bytes without a name. */
  readonly name: Bytes;
  /** Id of the invite; empty without one. */
  readonly invite: string;
}

/** The facts about a fleet, in `delegate`. */
export interface FleetFacts {
  /** Ed25519 key that signs certificates. */
  readonly key: Bytes;
  readonly person: string;
  readonly can: readonly string[];
  /** Milliseconds since 1970. */
  readonly expires: number;
}

export type EntryBody =
  | ({ readonly op: 'genesis' | 'rotate'; readonly recoveryProof: Bytes } & OrgKeys)
  | { readonly op: 'admit'; readonly device: DeviceFacts }
  | { readonly op: 'countersign'; readonly subject: string; readonly entry: Bytes }
  | { readonly op: 'suspend' | 'revoke'; readonly subject: string; readonly certificate: Bytes }
  | { readonly op: 'resume'; readonly subject: string }
  | { readonly op: 'link' | 'unlink'; readonly a: string; readonly b: string }
  | { readonly op: 'delegate'; readonly fleet: FleetFacts }
  | { readonly op: 'checkpoint'; readonly entries: Bytes; readonly state: Bytes };

/** The message by which the holder of a recovery key shows that the key is at hand. */
export const recoveryProofMessage = (org: string, recovery: Uint8Array): Bytes =>
  encodeFieldBytes('anima:recovery-key:v1', org, recovery);

/** The facts of a device as fields, also of its leaf (section 8), in another order. */
const deviceFields = ({ person, role, can, ik, dh, expires, name, invite }: DeviceFacts) =>
  [person, role, encodeTextList(can), ik, dh, u64Bytes(expires), name, invite] as const;

export function encodeBody(body: EntryBody): Bytes {
  switch (body.op) {
    case 'genesis':
    case 'rotate':
      return encodeFieldBytes(encodeList(body.authorities), body.recovery, body.recoveryProof);
    case 'admit':
      return encodeFieldBytes(...deviceFields(body.device));
    case 'countersign':
      return encodeFieldBytes(body.subject, body.entry);
    case 'suspend':
    case 'revoke':
      return encodeFieldBytes(body.subject, body.certificate);
    case 'resume':
      return encodeFieldBytes(body.subject);
    case 'link':
    case 'unlink':
      return encodeFieldBytes(body.a, body.b);
    case 'delegate': {
      const { key, person, can, expires } = body.fleet;
      return encodeFieldBytes(key, person, encodeTextList(can), u64Bytes(expires));
    }
    case 'checkpoint':
      return encodeFieldBytes(body.entries, body.state);
  }
}

const fieldCounts: Readonly<Record<Operation, number>> = {
  genesis: 3,
  rotate: 3,
  admit: 8,
  countersign: 2,
  suspend: 2,
  revoke: 2,
  resume: 1,
  link: 2,
  unlink: 2,
  delegate: 4,
  checkpoint: 2,
};

/** Parses a body; undefined for any other form, and for keys that are not valid. */
export function parseBody(op: Operation, body: Uint8Array): EntryBody | undefined {
  const fields = decodeFieldBytes(body);
  if (fields?.length !== fieldCounts[op]) return undefined;
  switch (op) {
    case 'genesis':
    case 'rotate':
      return parseOrgKeys(op, fields);
    case 'admit': {
      const device = parseDeviceFacts(fields);
      return device && areDirectoryKeys(device) ? { op, device } : undefined;
    }
    case 'delegate': {
      const fleet = parseFleetFacts(fields);
      return fleet && isEd25519PublicKey(fleet.key) ? { op, fleet } : undefined;
    }
    case 'link':
    case 'unlink': {
      const [a, b] = [parseHashId(fields[0]), parseHashId(fields[1])];
      return a !== undefined && b !== undefined && a <= b ? { op, a, b } : undefined;
    }
    case 'checkpoint': {
      const [entries, state] = [fieldOfLength(fields[0], hashLength), fieldOfLength(fields[1], hashLength)];
      return entries && state && { op, entries, state };
    }
    case 'countersign':
    case 'suspend':
    case 'resume':
    case 'revoke':
      return parseSubject(op, fields);
  }
}

/** A field as an id of a device, a fleet or a link. */
export function parseHashId(field: Bytes | undefined): string | undefined {
  const text = decodeTextField(field);
  return text !== undefined && isHashId(text) ? text : undefined;
}

/** A field as an id of a person. */
export function parsePerson(field: Bytes | undefined): string | undefined {
  const text = decodeTextField(field);
  return text !== undefined && isOpaqueName(text) ? text : undefined;
}

function parseSubject(
  op: 'countersign' | 'suspend' | 'resume' | 'revoke',
  fields: readonly Bytes[],
): EntryBody | undefined {
  const subject = parseHashId(fields[0]);
  if (subject === undefined) return undefined;
  if (op === 'resume') return { op, subject };
  if (op !== 'countersign') return { op, subject, certificate: new Uint8Array(fields[1] ?? []) };
  const entry = fieldOfLength(fields[1], hashLength);
  return entry && { op, subject, entry };
}

/** A list of 1 to 16 keys. */
export function parseKeyList(field: Bytes | undefined): readonly Bytes[] | undefined {
  const keys = parseList(field, maxAuthorities);
  if (keys === undefined || keys.length === 0 || keys.some(({ length }) => length !== keyLength)) return undefined;
  return keys.map((key) => new Uint8Array(key));
}

function parseOrgKeys(op: 'genesis' | 'rotate', fields: readonly Bytes[]): EntryBody | undefined {
  const authorities = parseKeyList(fields[0]);
  const recovery = fieldOfLength(fields[1], keyLength);
  const recoveryProof = fields[2];
  if (authorities === undefined || recovery === undefined || recoveryProof === undefined) return undefined;
  if (authorities.some((key) => key.every((byte, at) => byte === recovery[at]))) return undefined;
  if (![...authorities, recovery].every(isEd25519PublicKey)) return undefined;
  return { op, authorities, recovery, recoveryProof: new Uint8Array(recoveryProof) };
}

const parseRole = (field: Bytes | undefined): DirectoryRole | undefined => {
  const text = decodeTextField(field);
  return roles.find((role) => role === text);
};

/** The facts of a device without a check of its keys. Fields as in `admit`. */
export function parseDeviceFacts(fields: readonly Bytes[]): DeviceFacts | undefined {
  const [person, role, can] = [parsePerson(fields[0]), parseRole(fields[1]), parseRights(fields[2])];
  const [ik, dh] = [fieldOfLength(fields[3], keyLength), fieldOfLength(fields[4], keyLength)];
  const [expires, name] = [decodeU64Field(fields[5]), fieldOfLength(fields[6], hashLength)];
  const invite = decodeTextField(fields[7]);
  if (person === undefined || role === undefined || can === undefined || expires === undefined) return undefined;
  if (ik === undefined || dh === undefined || name === undefined || invite === undefined) return undefined;
  if (invite !== '' && !isOpaqueName(invite)) return undefined;
  return { person, role, can, ik, dh, expires, name, invite };
}

/** The facts of a fleet without a check of its key. Fields as in `delegate`. */
export function parseFleetFacts(fields: readonly Bytes[]): FleetFacts | undefined {
  const [key, person] = [fieldOfLength(fields[0], keyLength), parsePerson(fields[1])];
  const [can, expires] = [parseRights(fields[2]), decodeU64Field(fields[3])];
  if (key === undefined || person === undefined || can === undefined) return undefined;
  return expires === undefined || expires === 0 ? undefined : { key, person, can, expires };
}
