/**
 * The keyring of an org: which DEKs it has, wrapped (docs/format.md, section 5). Values are immutable: a function makes the next
 * keyring from the last, the caller persists it under a condition on `generation`, and only then uses it.
 */
import { timingSafeEqual } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';
import { encodeLengthPrefixedFields, type Field, u32, u64 } from '../encoding/length-prefixed-fields.ts';
import { isCount, requireObjectFields } from '../encoding/stored-record-fields.ts';
import { decodeStrictBase64 } from '../encoding/strict-base64.ts';
import type { Dek } from '../encryption/root-key.ts';
import { hmacSha256 } from '../hazmat/node-primitives.ts';

/** `active` seals and opens, `draining` only opens, `retired` does neither. */
export type DekState = 'active' | 'draining' | 'retired';
const dekStates: readonly string[] = ['active', 'draining', 'retired'] satisfies DekState[];

export interface WrappedDek {
  readonly version: number;
  /** The DEK under the KEK, as KMS returned it, in base64; empty once retired, since then it exists no more. */
  readonly wrapped: string;
  readonly state: DekState;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** A shredding that waits: until it is done or cancelled, no DEK of the org is used. */
export interface ShredLock {
  /** RFC 3339 times: when the waiting ends, and when it began. */
  readonly shredAt: string;
  readonly requestedAt: string;
  /** Id of the API key that asked for it. */
  readonly by: string;
}

export interface Keyring {
  readonly org: string;
  readonly state: 'active';
  readonly createdAt: string;
  /** 1 when made, one more with each change. */
  readonly generation: number;
  /** 0 until the first DEK. */
  readonly activeVersion: number;
  /** Ascending by version, which count from 1 without a gap. */
  readonly deks: readonly WrappedDek[];
  /** HMAC-SHA-256 over all of the above under the active DEK, base64; absent until the first DEK. */
  readonly mac?: string;
  /** Outside the MAC, since who shreds has no DEK: it can only deny. */
  readonly lock?: ShredLock;
}

/** The keyring of a new org: no DEK yet, since one is made on first use. */
export function newOrgKeyring(org: string, createdAt: string): Keyring {
  return { org, state: 'active', createdAt, generation: 1, activeVersion: 0, deks: [] };
}

/** The version that the next DEK will have; it stands in the encryption context, so it must be known before. */
export const nextDekVersion = (keyring: Keyring): number => keyring.deks.length + 1;

/**
 * The next keyring: `dek` becomes active, the one before drains.
 * @param dek the new DEK, loaded; its version is {@link nextDekVersion}
 * @param wrapped the same DEK under the KEK
 */
export function addDek(keyring: Keyring, dek: Dek, wrapped: Uint8Array, createdAt: string): Keyring {
  const version = nextDekVersion(keyring);
  if (dek.version !== version || dek.org !== keyring.org) throw new RangeError('the DEK is not the next of this org');
  const drained = keyring.deks.map((old) => (old.state === 'active' ? { ...old, state: 'draining' as const } : old));
  const added = { version, wrapped: Buffer.from(wrapped).toString('base64'), state: 'active' as const, createdAt };
  const { mac: _, ...last } = keyring;
  const next = { ...last, generation: keyring.generation + 1, activeVersion: version, deks: [...drained, added] };
  return { ...next, mac: computeKeyringMac(next, dek).toString('base64') };
}

/**
 * The next keyring: DEKs that drained are retired, and what wrapped them is gone, so no copy of a value under them can ever
 * be opened again. Versions that do not drain are left as they are.
 * @param active the active DEK, unwrapped
 */
export function retireDeks(keyring: Keyring, active: Dek, versions: readonly number[]): Keyring {
  const retire = (dek: WrappedDek): WrappedDek =>
    dek.state === 'draining' && versions.includes(dek.version) ? { ...dek, state: 'retired', wrapped: '' } : dek;
  return withChangedDeks(keyring, active, keyring.deks.map(retire));
}

/**
 * The next keyring: the same DEKs, wrapped anew.
 * @param active the active DEK, unwrapped
 * @param wrapped by version, for every DEK that is not retired
 */
export function rewrapDeks(keyring: Keyring, active: Dek, wrapped: ReadonlyMap<number, Uint8Array>): Keyring {
  const rewrap = (dek: WrappedDek): WrappedDek => {
    if (dek.state === 'retired') return dek;
    const bytes = wrapped.get(dek.version);
    if (bytes === undefined) throw new RangeError('a DEK was not wrapped anew');
    return { ...dek, wrapped: Buffer.from(bytes).toString('base64') };
  };
  return withChangedDeks(keyring, active, keyring.deks.map(rewrap));
}

function withChangedDeks(keyring: Keyring, active: Dek, deks: readonly WrappedDek[]): Keyring {
  if (active.version !== keyring.activeVersion || active.org !== keyring.org) {
    throw new RangeError('the DEK is not the active one of this org');
  }
  const { mac: _, ...last } = keyring;
  const next = { ...last, generation: keyring.generation + 1, deks };
  return { ...next, mac: computeKeyringMac(next, active).toString('base64') };
}

/** The DEK of a version, unless there is none or it is retired. */
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
 * Refuses a keyring whose record was changed by anyone who lacks the active DEK.
 * @param active the keyring's active DEK, unwrapped
 * @throws DecryptionError
 */
export function verifyKeyring(keyring: Keyring, active: Dek): void {
  const mac = decodeStrictBase64(keyring.mac ?? '');
  const expected = computeKeyringMac(keyring, active);
  if (mac?.length !== expected.length || !timingSafeEqual(mac, expected)) throw new DecryptionError();
}

/**
 * Reads a stored record, trusting nothing of it: every field has its type, the org is the one asked for, versions
 * count from 1, exactly the active version is active and it is the newest. Its MAC is for {@link verifyKeyring}, once a DEK is unwrapped.
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
  // The newest is the active one, always: else a record could be forged under an old DEK by naming it active.
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
  if (String(Number(version)) !== version) throw new DecryptionError();
  const { wrapped, state, createdAt } = requireObjectFields(record);
  if (typeof wrapped !== 'string' || decodeStrictBase64(wrapped) === undefined) throw new DecryptionError();
  if (!isDekState(state) || typeof createdAt !== 'string') throw new DecryptionError();
  if ((state === 'retired') !== (wrapped === '')) throw new DecryptionError();
  return { version: Number(version), wrapped, state, createdAt };
}
export const isDekState = (value: unknown): value is DekState => typeof value === 'string' && dekStates.includes(value);

/** The record as stored: `deks` by version. */
export function toKeyringRecord(keyring: Keyring): Record<string, unknown> {
  const { deks, ...rest } = keyring;
  return { ...rest, deks: Object.fromEntries(deks.map(({ version, ...dek }) => [String(version), dek])) };
}
