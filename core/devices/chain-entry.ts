/** The envelope of an entry of the chain (docs/format-devices.md, section 6). */

import { type Bytes, encodeFieldBytes, u32Bytes, u64Bytes } from '../encoding/bytes.ts';
import {
  decodeFieldBytes,
  decodeTextField,
  decodeU32Field,
  decodeU64Field,
  fieldOfLength,
} from '../encoding/field-reader.ts';
import type { CryptoKey } from '../hazmat/crypto-key.ts';
import { signatureLength, signMessage } from '../hazmat/p256.ts';
import { portableSha256 } from '../hazmat/portable-hash.ts';
import { maxEntryBytes } from './limits.ts';
import { scopeFields, type VaultScope } from './vault-scope.ts';

export const rosterKinds = ['genesis', 'add', 'remove', 'leave', 'rotate', 'recovery', 'recover', 'close'] as const;
export type RosterKind = (typeof rosterKinds)[number];
const otherKinds = ['records', 'heartbeat', 'checkpoint', 'acknowledge'] as const;
export type EntryKind = RosterKind | (typeof otherKinds)[number];

export interface Entry {
  readonly scope: VaultScope;
  /** 1, 2, 3 … without gaps. */
  readonly seq: number;
  /** Hash of the entry before; 32 zero bytes for the first. */
  readonly prev: Bytes;
  /** Epoch of the vault before this entry takes effect. */
  readonly epoch: number;
  readonly kind: EntryKind;
  readonly body: Bytes;
  /** Time at the signer. Only informative. */
  readonly time: string;
  /** Id of the member that signed. */
  readonly signer: string;
}

export interface SignedEntry extends Entry {
  /** The signed bytes. */
  readonly unsigned: Bytes;
  readonly signature: Bytes;
}

export const hashLength = 32;
export const zeroHash = new Uint8Array(hashLength);
const label = 'anima:entry:v1';
const entryFields = 11;

export const isRosterKind = (kind: string): kind is RosterKind => (rosterKinds as readonly string[]).includes(kind);
const isEntryKind = (kind: string): kind is EntryKind =>
  isRosterKind(kind) || (otherKinds as readonly string[]).includes(kind);

/** The bytes that are signed and hashed. */
export const encodeEntry = ({ scope, seq, prev, epoch, kind, body, time, signer }: Entry): Bytes =>
  encodeFieldBytes(label, ...scopeFields(scope), u64Bytes(seq), prev, u32Bytes(epoch), kind, body, time, signer);

/** The hash of an entry. It does not cover the signature, which can have several valid values. */
export const entryHash = (unsigned: Uint8Array): Promise<Bytes> => portableSha256(unsigned);

/** Encodes and signs an entry: fields(entry, signature). */
export async function signEntry(entry: Entry, privateKey: CryptoKey): Promise<Bytes> {
  const unsigned = encodeEntry(entry);
  return encodeFieldBytes(unsigned, await signMessage(privateKey, unsigned));
}

const timePattern = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** Why a signed entry could not be parsed. */
export type FormProblem = 'malformed' | 'unsupported_suite' | 'unknown_kind';

/** Two fields: the entry and its signature, each after its length. */
export const maxSignedBytes = maxEntryBytes + signatureLength + 8;

/** Parses a signed entry, without verifying it. */
export function parseSignedEntry(signed: Uint8Array): SignedEntry | FormProblem {
  // Before anything is decoded: a server can send many megabytes, which could be millions of empty fields.
  if (signed.length > maxSignedBytes) return 'malformed';
  const [unsigned, signatureField, ...rest] = decodeFieldBytes(signed) ?? [];
  const signature = fieldOfLength(signatureField, signatureLength);
  if (unsigned === undefined || signature === undefined || rest.length > 0) return 'malformed';
  if (unsigned.length > maxEntryBytes) return 'malformed';
  const entry = parseEntry(unsigned);
  return typeof entry === 'string' ? entry : { ...entry, unsigned: new Uint8Array(unsigned), signature };
}

function parseEntry(unsigned: Uint8Array): Entry | FormProblem {
  const fields = decodeFieldBytes(unsigned) ?? [];
  const name = decodeTextField(fields[0]) ?? '';
  // A later suite has another number. Its fields are unknown, so nothing else is checked.
  if (/^anima:entry:v[0-9]{1,9}$/.test(name) && name !== label) return 'unsupported_suite';
  const [, org, user, vault, , , , kind, , time, signer] = fields.map(decodeTextField);
  const seq = decodeU64Field(fields[4]);
  const prev = fieldOfLength(fields[5], hashLength);
  const epoch = decodeU32Field(fields[6]);
  const body = fields[8];
  if (name !== label || fields.length !== entryFields || body === undefined) return 'malformed';
  if (org === undefined || user === undefined || vault === undefined || signer === undefined) return 'malformed';
  if (seq === undefined || prev === undefined || epoch === undefined || kind === undefined) return 'malformed';
  if (time === undefined || !timePattern.test(time)) return 'malformed';
  if (!isEntryKind(kind)) return 'unknown_kind';
  return { scope: { org, user, vault }, seq, prev, epoch, kind, body: new Uint8Array(body), time, signer };
}
