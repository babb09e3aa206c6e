/**
 * The keyring of an org: its wrapped DEKs (docs/format.md, section 5). Keyrings are immutable. A function creates the
 * next keyring from the previous one. The caller stores it on condition that `generation` is unchanged, and uses it
 * only after that.
 */
import { timingSafeEqual } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';
import { encodeLengthPrefixedFields, type Field, u32, u64 } from '../encoding/length-prefixed-fields.ts';
import { isCount, requireObjectFields } from '../encoding/stored-record-fields.ts';
import { decodeStrictBase64 } from '../encoding/strict-base64.ts';
import type { Dek } from '../encryption/root-key.ts';
import { hmacSha256 } from '../hazmat/node-primitives.ts';

/** An `active` DEK seals and opens, a `draining` DEK only opens, a `retired` DEK does neither. */
export type DekState = 'active' | 'draining' | 'retired';
const dekStates: readonly string[] = ['active', 'draining', 'retired'] satisfies DekState[];

export interface WrappedDek {
  readonly version: number;
  /** The DEK as wrapped by KMS with the KEK, base64. Empty once the DEK is retired and therefore destroyed. */
  readonly wrapped: string;
  readonly state: DekState;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** A pending shredding. Until it is done or cancelled, no DEK of the org is used. */
export interface ShredLock {
  /** RFC 3339 times: the end of the waiting period, and its start. */
  readonly shredAt: string;
  readonly requestedAt: string;
  /** Id of the API key that requested it. */
  readonly by: string;
}

export interface Keyring {
  readonly org: string;
  readonly state: 'active';
  readonly createdAt: string;
  /** 1 in a new keyring, one more with each change. */
  readonly generation: number;
  /** 0 before the first DEK exists. */
  readonly activeVersion: number;
  /** Ascending by version. Versions count from 1 without gaps. */
  readonly deks: readonly WrappedDek[];
  /** HMAC-SHA-256 over all of the above with the active DEK, base64. Absent before the first DEK exists. */
  readonly mac?: string;
  /** Not covered by the MAC, because the function that shreds has no DEK. A forged lock can only deny access. */
  readonly lock?: ShredLock;
}

/** Creates the keyring of a new org. It has no DEK; the first one is created on first use. */
export function newOrgKeyring(org: string, createdAt: string): Keyring {
  return { org, state: 'active', createdAt, generation: 1, activeVersion: 0, deks: [] };
}

/** The version of the next DEK. It must be known in advance, because it is part of the encryption context. */
export const nextDekVersion = (keyring: Keyring): number => keyring.deks.length + 1;

/**
 * Creates the next keyring, in which `dek` is active and the previously active DEK is draining.
 * @param dek the new DEK, loaded; its version is {@link nextDekVersion}
 * @param wrapped the same DEK, wrapped with the KEK
 * @throws RangeError when `dek` is not the next version of this org
 */
export function addDek(keyring: Keyring, dek: Dek, wrapped: Uint8Array, createdAt: string): Keyring {
  const version = nextDekVersion(keyring);
  if (dek.version !== version || dek.org !== keyring.org)
    throw new RangeError('the DEK is not the next version of this org');
  const drained = keyring.deks.map((old) => (old.state === 'active' ? { ...old, state: 'draining' as const } : old));
  const added = { version, wrapped: Buffer.from(wrapped).toString('base64'), state: 'active' as const, createdAt };
  const { mac: _, ...last } = keyring;
  const next = { ...last, generation: keyring.generation + 1, activeVersion: version, deks: [...drained, added] };
  return { ...next, mac: computeKeyringMac(next, dek).toString('base64') };
}

/**
 * Creates the next keyring, in which the given draining DEKs are retired and their wrapped form is removed. No copy of
 * a value that was sealed with one of them can then be opened with this keyring. Versions that are not draining are
 * unchanged.
 * @param active the active DEK, unwrapped
 */
export function retireDeks(keyring: Keyring, active: Dek, versions: readonly number[]): Keyring {
  const retire = (dek: WrappedDek): WrappedDek =>
    dek.state === 'draining' && versions.includes(dek.version) ? { ...dek, state: 'retired', wrapped: '' } : dek;
  return withChangedDeks(keyring, active, keyring.deks.map(retire));
}

/**
 * Creates the next keyring, in which the same DEKs are wrapped again.
 * @param active the active DEK, unwrapped
 * @param wrapped the new wrapped form by version, for every DEK that is not retired
 * @throws RangeError when one is missing
 */
export function rewrapDeks(keyring: Keyring, active: Dek, wrapped: ReadonlyMap<number, Uint8Array>): Keyring {
  const rewrap = (dek: WrappedDek): WrappedDek => {
    if (dek.state === 'retired') return dek;
    const bytes = wrapped.get(dek.version);
    if (bytes === undefined) throw new RangeError('the new wrapped form of a DEK is missing');
    return { ...dek, wrapped: Buffer.from(bytes).toString('base64') };
  };
  return withChangedDeks(keyring, active, keyring.deks.map(rewrap));
}

function withChangedDeks(keyring: Keyring, active: Dek, deks: readonly WrappedDek[]): Keyring {
  if (active.version !== keyring.activeVersion || active.org !== keyring.org) {
    throw new RangeError('the DEK is not the active DEK of this org');
  }
  const { mac: _, ...last } = keyring;
  const next = { ...last, generation: keyring.generation + 1, deks };
  return { ...next, mac: computeKeyringMac(next, active).toString('base64') };
}

/** The DEK of a version; undefined when it does not exist or is retired. */
export function findUsableDek(keyring: Keyring, version: number): WrappedDek | undefined {
  const dek = keyring.deks[version - 1];
  return dek === undefined || dek.state === 'retired' ? undefined : dek;
}

function computeKeyringMac(keyring: Keyring, active: Dek): Buffer {
  const fields: Field[] = ['anima:keyring:v1', keyring.org, keyring.state, keyring.createdAt];
  fields.push(u64(keyring.generation), u32(keyring.activeVersion));
  for (const dek of keyring.deks) {
    fields.push(u32(dek.version), Buffer.from(dek.wrapped, 'base64'), dek.state, dek.createdAt);
  }
  return hmacSha256(active.macKey, encodeLengthPrefixedFields(...fields));
}

/**
 * Rejects a keyring whose record was changed by an attacker without the active DEK.
 * @param active the keyring's active DEK, unwrapped
 * @throws DecryptionError
 */
export function verifyKeyring(keyring: Keyring, active: Dek): void {
  const mac = decodeStrictBase64(keyring.mac ?? '');
  const expected = computeKeyringMac(keyring, active);
  if (mac?.length !== expected.length || !timingSafeEqual(mac, expected)) throw new DecryptionError();
}

/**
 * Parses a stored record without trusting its content. Every field must have its type, and the org must be the
 * requested one. Versions must count from 1. The newest version must be the only active one. The MAC is checked later
 * by {@link verifyKeyring}, once a DEK is unwrapped.
 * @throws DecryptionError
 */
export function parseKeyring(record: unknown, org: string): Keyring {
  const { state, createdAt, generation, activeVersion, deks, mac, lock, ...rest } = requireObjectFields(record);
  if (rest.org !== org || state !== 'active' || typeof createdAt !== 'string') throw new DecryptionError();
  if (!isCount(generation) || generation < 1 || !isCount(activeVersion)) throw new DecryptionError();
  const list = Object.entries(requireObjectFields(deks)).map(([version, dek]) => parseDek(version, dek));
  list.sort((a, b) => a.version - b.version);
  const consistent = list.every(
    (dek, index) => dek.version === index + 1 && (dek.state === 'active') === (dek.version === activeVersion),
  );
  // The newest DEK must be the active one. Otherwise, an attacker with an old DEK could forge a record that names the
  // old DEK as active.
  if (!consistent || activeVersion !== list.length) throw new DecryptionError();
  const keyring: Keyring = { org, state, createdAt, generation, activeVersion, deks: list, ...parseShredLock(lock) };
  if (activeVersion === 0) return keyring;
  if (typeof mac !== 'string') throw new DecryptionError();
  return { ...keyring, mac };
}

function parseShredLock(lock: unknown): { readonly lock?: ShredLock } {
  if (lock === undefined) return {};
  const { shredAt, requestedAt, by } = requireObjectFields(lock);
  if (typeof shredAt !== 'string' || typeof requestedAt !== 'string' || typeof by !== 'string') {
    throw new DecryptionError();
  }
  return { lock: { shredAt, requestedAt, by } };
}

function parseDek(version: string, record: unknown): WrappedDek {
  // `Number` also accepts 1e21, Infinity and NaN, which are their own text.
  if (!/^[1-9][0-9]{0,9}$/.test(version)) throw new DecryptionError();
  const { wrapped, state, createdAt } = requireObjectFields(record);
  if (typeof wrapped !== 'string' || decodeStrictBase64(wrapped) === undefined) throw new DecryptionError();
  if (!isDekState(state) || typeof createdAt !== 'string') throw new DecryptionError();
  if ((state === 'retired') !== (wrapped === '')) throw new DecryptionError();
  return { version: Number(version), wrapped, state, createdAt };
}
export const isDekState = (value: unknown): value is DekState => typeof value === 'string' && dekStates.includes(value);

/** The stored form of a keyring: `deks` is keyed by version. */
export function toKeyringRecord(keyring: Keyring): Record<string, unknown> {
  const { deks, ...rest } = keyring;
  return { ...rest, deks: Object.fromEntries(deks.map(({ version, ...dek }) => [String(version), dek])) };
}
