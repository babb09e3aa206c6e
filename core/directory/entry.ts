/** The envelope of an entry of the directory (docs/format-directory.md, section 2). */
import { type Bytes, encodeFieldBytes, equalBytes, u64Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU64Field, fieldOfLength } from '../encoding/field-reader.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';
import { type Ed25519KeyPair, ed25519SignatureLength, signEd25519 } from '../hazmat/ed25519.ts';
import { hashLength, keyLength } from './directory-ids.ts';
import { maxEntryBytes } from './limits.ts';

const operations = [
  'genesis',
  'admit',
  'countersign',
  'suspend',
  'resume',
  'revoke',
  'link',
  'unlink',
  'delegate',
  'rotate',
  'checkpoint',
] as const;
export type Operation = (typeof operations)[number];

export interface DirectoryEntry {
  readonly org: string;
  /** 1, 2, 3 … without gaps. */
  readonly seq: number;
  /** Hash of the entry before; 32 zero bytes for the first. */
  readonly prev: Bytes;
  readonly op: Operation;
  readonly body: Bytes;
  /** Milliseconds since 1970, by the clock of the signer. */
  readonly time: number;
  /** Ed25519 key of the signer. */
  readonly signer: Bytes;
  /** Ed25519 key of a second authority. */
  readonly cosigner: Bytes | undefined;
}

export interface SignedDirectoryEntry extends DirectoryEntry {
  /** The signed bytes. */
  readonly unsigned: Bytes;
  readonly signature: Bytes;
  /** Present exactly if there is a cosigner. */
  readonly cosignature: Bytes | undefined;
}

const label = 'anima:directory:v1';
const entryFields = 9;
const empty = new Uint8Array(0);

/** Three fields, each after its length. */
const maxSignedBytes = maxEntryBytes + 2 * ed25519SignatureLength + 12;

const isOperation = (text: string): text is Operation => (operations as readonly string[]).includes(text);

/** The bytes that are signed and hashed. */
export const encodeEntry = ({ org, seq, prev, op, body, time, signer, cosigner }: DirectoryEntry): Bytes =>
  encodeFieldBytes(label, org, u64Bytes(seq), prev, op, body, u64Bytes(time), signer, cosigner ?? empty);

/** The hash of an entry. It does not cover the signatures. */
export const entryHash = (unsigned: Uint8Array): Bytes => blake2b256(unsigned);

/**
 * Encodes and signs an entry: fields(entry, signature, cosignature).
 * @param cosigner required exactly if the entry names one
 */
export function signEntry(entry: DirectoryEntry, signer: Ed25519KeyPair, cosigner?: Ed25519KeyPair): Bytes {
  const unsigned = encodeEntry(entry);
  const cosignature = cosigner === undefined ? empty : signEd25519(cosigner.seed, unsigned);
  return encodeFieldBytes(unsigned, signEd25519(signer.seed, unsigned), cosignature);
}

/** Why a signed entry could not be parsed. */
export type FormProblem = 'malformed' | 'unsupported_suite' | 'unknown_op';

/** Parses a signed entry, without verifying it. */
export function parseSignedEntry(signed: Uint8Array): SignedDirectoryEntry | FormProblem {
  if (signed.length > maxSignedBytes) return 'malformed';
  const [unsigned, signatureField, cosignatureField, ...rest] = decodeFieldBytes(signed) ?? [];
  const signature = fieldOfLength(signatureField, ed25519SignatureLength);
  const cosignature = fieldOfLength(cosignatureField, ed25519SignatureLength);
  if (unsigned === undefined || unsigned.length > maxEntryBytes || signature === undefined) return 'malformed';
  if (rest.length > 0 || (cosignature === undefined && cosignatureField?.length !== 0)) return 'malformed';
  const entry = parseEntry(unsigned, cosignature !== undefined);
  return typeof entry === 'string' ? entry : { ...entry, unsigned: new Uint8Array(unsigned), signature, cosignature };
}

function parseEntry(unsigned: Uint8Array, isCosigned: boolean): DirectoryEntry | FormProblem {
  const fields = decodeFieldBytes(unsigned) ?? [];
  const name = decodeTextField(fields[0]) ?? '';
  // A later suite has another number. Its fields are unknown, so nothing else is checked.
  if (/^anima:directory:v[0-9]{1,9}$/.test(name) && name !== label) return 'unsupported_suite';
  const [org, op] = [decodeTextField(fields[1]), decodeTextField(fields[4])];
  const [seq, time] = [decodeU64Field(fields[2]), decodeU64Field(fields[6])];
  const [prev, body] = [fieldOfLength(fields[3], hashLength), fields[5]];
  const keys = parseSigners(fields[7], fields[8], isCosigned);
  if (name !== label || fields.length !== entryFields || keys === undefined) return 'malformed';
  if (org === undefined || op === undefined || seq === undefined || time === undefined) return 'malformed';
  if (prev === undefined || body === undefined) return 'malformed';
  if (!isOperation(op)) return 'unknown_op';
  return { org, seq, prev, op, body: new Uint8Array(body), time, ...keys };
}

function parseSigners(
  signerField: Bytes | undefined,
  cosignerField: Bytes | undefined,
  isCosigned: boolean,
): Pick<DirectoryEntry, 'signer' | 'cosigner'> | undefined {
  const signer = fieldOfLength(signerField, keyLength);
  if (signer === undefined) return undefined;
  if (!isCosigned) return cosignerField?.length === 0 ? { signer, cosigner: undefined } : undefined;
  const cosigner = fieldOfLength(cosignerField, keyLength);
  return cosigner === undefined || equalBytes(signer, cosigner) ? undefined : { signer, cosigner };
}
