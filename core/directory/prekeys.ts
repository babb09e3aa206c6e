/** Prekey bundles and one-time prekeys (docs/format-directory.md, section 9). */
import { type Bytes, encodeFieldBytes, equalBytes, u32Bytes, u64Bytes } from '../encoding/bytes.ts';
import {
  decodeFieldBytes,
  decodeTextField,
  decodeU32Field,
  decodeU64Field,
  fieldOfLength,
} from '../encoding/field-reader.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';
import { type Ed25519KeyPair, ed25519SignatureLength, signEd25519, verifyEd25519 } from '../hazmat/ed25519.ts';
import { type DirectoryKeys, deviceIdOf, isX25519PublicKey, keyLength } from './directory-ids.ts';
import { clockToleranceMs, maxBundleMs } from './limits.ts';
import { isReplay, type Seen } from './seen.ts';

/** A public key with its number at the device. */
export interface Prekey {
  /** u32. */
  readonly id: number;
  readonly key: Bytes;
}

export interface BundleFacts {
  /** Rises with each bundle of the device. */
  readonly seq: number;
  /** X25519, 32 bytes. */
  readonly signedPrekey: Prekey;
  /** ML-KEM-768 encapsulation key, 1,184 bytes. */
  readonly kemKey: Prekey;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly expires: number;
}

export interface PrekeyBundle extends BundleFacts {
  readonly device: string;
  readonly dh: Bytes;
  readonly hash: Bytes;
}

export const kemKeyLength = 1184;
const bundleLabel = 'anima:bundle:v1';
const oneTimeLabel = 'anima:one-time-prekey:v1';

const isLifetime = ({ created, expires }: BundleFacts): boolean =>
  created < expires && expires - created <= maxBundleMs;

const sign = (ik: Ed25519KeyPair, statement: Bytes): Bytes =>
  encodeFieldBytes(statement, signEd25519(ik.seed, statement));

/** Signs a bundle. @throws RangeError for a lifetime or keys that no reader accepts */
export function signBundle(org: string, ik: Ed25519KeyPair, dh: Bytes, facts: BundleFacts): Bytes {
  const { seq, signedPrekey, kemKey, created, expires } = facts;
  if (!isLifetime(facts) || !isX25519PublicKey(signedPrekey.key) || kemKey.key.length !== kemKeyLength)
    throw new RangeError('not a bundle');
  const keys = [u32Bytes(signedPrekey.id), signedPrekey.key, u32Bytes(kemKey.id), kemKey.key] as const;
  const device = deviceIdOf(org, { ik: ik.publicKey, dh });
  const times = [u64Bytes(created), u64Bytes(expires)] as const;
  return sign(ik, encodeFieldBytes(bundleLabel, org, device, u64Bytes(seq), dh, ...keys, ...times));
}

/** Signs a one-time prekey. @throws RangeError for a key that no reader accepts */
export function signOneTimePrekey(org: string, ik: Ed25519KeyPair, dh: Bytes, { id, key }: Prekey): Bytes {
  if (!isX25519PublicKey(key)) throw new RangeError('not a prekey');
  const device = deviceIdOf(org, { ik: ik.publicKey, dh });
  return sign(ik, encodeFieldBytes(oneTimeLabel, org, device, u32Bytes(id), key));
}

/** The fields after label, org and device; undefined unless the device signed them. */
function openStatement(
  label: string,
  count: number,
  org: string,
  keys: DirectoryKeys,
  signed: Uint8Array,
): { readonly device: string; readonly fields: readonly Bytes[]; readonly hash: Bytes } | undefined {
  const [statement, signatureField, ...rest] = decodeFieldBytes(signed) ?? [];
  const signature = fieldOfLength(signatureField, ed25519SignatureLength);
  if (statement === undefined || signature === undefined || rest.length > 0) return undefined;
  const [name, orgField, deviceField, ...fields] = decodeFieldBytes(statement) ?? [];
  const device = deviceIdOf(org, keys);
  const isOwn = decodeTextField(orgField) === org && decodeTextField(deviceField) === device;
  if (decodeTextField(name) !== label || !isOwn || fields.length !== count) return undefined;
  return verifyEd25519(keys.ik, statement, signature) ? { device, fields, hash: blake2b256(statement) } : undefined;
}

/**
 * Verifies a bundle.
 * @param keys of the device, from the directory
 * @param now milliseconds since 1970
 * @param last the last bundle of this device that was accepted, if there was one
 */
export function acceptBundle(
  org: string,
  keys: DirectoryKeys,
  signed: Uint8Array,
  now: number,
  last: Seen | undefined,
): PrekeyBundle | undefined {
  const opened = openStatement(bundleLabel, 8, org, keys, signed);
  const facts = opened && parseBundle(opened.fields);
  if (opened === undefined || facts === undefined || !equalBytes(facts.dh, keys.dh)) return undefined;
  if (facts.created > now + clockToleranceMs || now >= facts.expires || !isLifetime(facts)) return undefined;
  const { device, hash } = opened;
  return isReplay(last, { number: facts.seq, hash }) ? undefined : { ...facts, device, hash };
}

function parseBundle(fields: readonly Bytes[]): (BundleFacts & { readonly dh: Bytes }) | undefined {
  const [seq, dh] = [decodeU64Field(fields[0]), fieldOfLength(fields[1], keyLength)];
  const signedPrekey = parsePrekey(fields[2], fields[3]);
  const [kemId, kem] = [decodeU32Field(fields[4]), fieldOfLength(fields[5], kemKeyLength)];
  const [created, expires] = [decodeU64Field(fields[6]), decodeU64Field(fields[7])];
  if (seq === undefined || dh === undefined || signedPrekey === undefined || kemId === undefined) return undefined;
  if (kem === undefined || created === undefined || expires === undefined) return undefined;
  return { seq, dh, signedPrekey, kemKey: { id: kemId, key: kem }, created, expires };
}

function parsePrekey(idField: Bytes | undefined, keyField: Bytes | undefined): Prekey | undefined {
  const [id, key] = [decodeU32Field(idField), fieldOfLength(keyField, keyLength)];
  return id === undefined || key === undefined || !isX25519PublicKey(key) ? undefined : { id, key };
}

/** Verifies a one-time prekey. @param keys of the device, from the directory */
export function readOneTimePrekey(org: string, keys: DirectoryKeys, signed: Uint8Array): Prekey | undefined {
  const opened = openStatement(oneTimeLabel, 2, org, keys, signed);
  return opened && parsePrekey(opened.fields[0], opened.fields[1]);
}
