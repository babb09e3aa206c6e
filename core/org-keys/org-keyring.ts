/**
 * The keyring of an org: its wrapped DEKs (docs/format.md, section 5). Keyrings are immutable. A function creates the
 * next keyring from the previous one. The caller stores it on condition that `generation` is unchanged, and uses it
 * only after that.
 */
import { DecryptionError } from '../decryption-error.ts';
import { encodeLengthPrefixedFields, type Field, optionalField, u32, u64 } from '../encoding/length-prefixed-fields.ts';
import { isCount, requireObjectFields } from '../encoding/stored-record-fields.ts';
import { decodeStrictBase64 } from '../encoding/strict-base64.ts';
import { type AuthenticationKey, computeRecordMac, verifyRecordMac } from '../records/authentication-key.ts';
import { parseShredLock, type ShredLock } from '../records/org-mark.ts';

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
  readonly lock?: ShredLock;
  /** HMAC-SHA-256 over all of the above with the authentication key of the org, base64. */
  readonly mac: string;
}

/** Creates the keyring of a new org. It has no DEK; the first one is created on first use. */
export const newOrgKeyring = (key: AuthenticationKey, createdAt: string): Keyring =>
  withMac(key, { org: key.org, state: 'active', createdAt, generation: 1, activeVersion: 0, deks: [] });

/** The version of the next DEK. It must be known in advance, because it is part of the encryption context. */
export const nextDekVersion = (keyring: Keyring): number => keyring.deks.length + 1;

/**
 * Creates the next keyring, in which the new DEK is active and the previously active DEK is draining.
 * @param wrapped the new DEK, wrapped with the KEK; its version is {@link nextDekVersion}
 */
export function addDek(key: AuthenticationKey, keyring: Keyring, wrapped: Uint8Array, createdAt: string): Keyring {
  const version = nextDekVersion(keyring);
  const drained = keyring.deks.map((old) => (old.state === 'active' ? { ...old, state: 'draining' as const } : old));
  const added = { version, wrapped: Buffer.from(wrapped).toString('base64'), state: 'active' as const, createdAt };
  return nextKeyring(key, { ...keyring, activeVersion: version, deks: [...drained, added] });
}

/**
 * Creates the next keyring, in which the given draining DEKs are retired and their wrapped form is removed. No copy of
 * a value that was sealed with one of them can then be opened with this keyring. Versions that are not draining are
 * unchanged.
 */
export function retireDeks(key: AuthenticationKey, keyring: Keyring, versions: readonly number[]): Keyring {
  const retire = (dek: WrappedDek): WrappedDek =>
    dek.state === 'draining' && versions.includes(dek.version) ? { ...dek, state: 'retired', wrapped: '' } : dek;
  return nextKeyring(key, { ...keyring, deks: keyring.deks.map(retire) });
}

/**
 * Creates the next keyring, in which the same DEKs are wrapped again.
 * @param wrapped the new wrapped form by version, for every DEK that is not retired
 * @throws RangeError when one is missing
 */
export function rewrapDeks(
  key: AuthenticationKey,
  keyring: Keyring,
  wrapped: ReadonlyMap<number, Uint8Array>,
): Keyring {
  const rewrap = (dek: WrappedDek): WrappedDek => {
    if (dek.state === 'retired') return dek;
    const bytes = wrapped.get(dek.version);
    if (bytes === undefined) throw new RangeError('the new wrapped form of a DEK is missing');
    return { ...dek, wrapped: Buffer.from(bytes).toString('base64') };
  };
  return nextKeyring(key, { ...keyring, deks: keyring.deks.map(rewrap) });
}

/** Creates the next keyring, which is locked. */
export const lockKeyring = (key: AuthenticationKey, keyring: Keyring, lock: ShredLock): Keyring =>
  nextKeyring(key, { ...keyring, lock });

/** Creates the next keyring, which is not locked. */
export function unlockKeyring(key: AuthenticationKey, { lock: _, ...unlocked }: Keyring): Keyring {
  return nextKeyring(key, unlocked);
}

const nextKeyring = (key: AuthenticationKey, changed: Keyring): Keyring =>
  withMac(key, { ...changed, generation: changed.generation + 1 });

/** @throws RangeError when the key is not that of the keyring's org */
function withMac(key: AuthenticationKey, keyring: Omit<Keyring, 'mac'>): Keyring {
  if (key.org !== keyring.org) throw new RangeError('the authentication key is not the key of this org');
  return { ...keyring, mac: computeRecordMac(key, macFields(keyring)) };
}

/** The DEK of a version; undefined when it does not exist or is retired. */
export function findUsableDek(keyring: Keyring, version: number): WrappedDek | undefined {
  const dek = keyring.deks[version - 1];
  return dek === undefined || dek.state === 'retired' ? undefined : dek;
}

function macFields({
  org,
  state,
  createdAt,
  generation,
  activeVersion,
  lock,
  deks,
}: Omit<Keyring, 'mac'>): readonly Field[] {
  const lockFields =
    lock === undefined ? undefined : encodeLengthPrefixedFields(lock.shredAt, lock.requestedAt, lock.by);
  const fields: Field[] = ['anima:keyring:v1', org, state, createdAt, u64(generation), u32(activeVersion)];
  fields.push(optionalField(lockFields));
  for (const dek of deks) {
    fields.push(u32(dek.version), Buffer.from(dek.wrapped, 'base64'), dek.state, dek.createdAt);
  }
  return fields;
}

/**
 * Parses and verifies a stored record. Every field must have its type, and the org must be that of the key. Versions
 * must count from 1. The newest version must be the only active one. The MAC must be that of the vault.
 * @throws DecryptionError
 */
export function parseKeyring(key: AuthenticationKey, record: unknown): Keyring {
  const { org } = key;
  const { state, createdAt, generation, activeVersion, deks, mac, lock, ...rest } = requireObjectFields(record);
  if (rest.org !== org || state !== 'active' || typeof createdAt !== 'string') throw new DecryptionError();
  if (!isCount(generation) || generation < 1 || !isCount(activeVersion)) throw new DecryptionError();
  const list = Object.entries(requireObjectFields(deks)).map(([version, dek]) => parseDek(version, dek));
  list.sort((a, b) => a.version - b.version);
  const consistent = list.every(
    (dek, index) => dek.version === index + 1 && (dek.state === 'active') === (dek.version === activeVersion),
  );
  if (!consistent || activeVersion !== list.length || typeof mac !== 'string') throw new DecryptionError();
  const keyring: Omit<Keyring, 'mac'> = {
    org,
    state: 'active',
    createdAt,
    generation,
    activeVersion,
    deks: list,
    ...parseShredLock(lock),
  };
  verifyRecordMac(key, mac, macFields(keyring));
  return { ...keyring, mac };
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
