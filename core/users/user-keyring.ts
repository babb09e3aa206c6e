/**
 * The keyring of a user: the slots that wrap the UMK (docs/format.md, section 12). Keyrings are immutable. A function
 * creates the next keyring from the previous one. The caller stores it on condition that `generation` is unchanged, and
 * only then reports the change.
 */
import { timingSafeEqual } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';
import { encodeLengthPrefixedFields, type Field, u64 } from '../encoding/length-prefixed-fields.ts';
import { isOpaqueId } from '../encoding/random-id.ts';
import { isCount, requireObjectFields } from '../encoding/stored-record-fields.ts';
import { decodeStrictBase64 } from '../encoding/strict-base64.ts';
import { hmacSha256 } from '../hazmat/node-primitives.ts';
import {
  type PasswordParams,
  type Slot,
  type SlotKind,
  slotAuthenticatedFields,
  slotKinds,
  slotSaltLength,
} from './key-slot.ts';
import type { Umk, UserRef } from './user-root-key.ts';

export interface UserKeyring extends UserRef {
  readonly state: 'active';
  /** RFC 3339. */
  readonly createdAt: string;
  /** 1 in a new keyring, one more with each change. */
  readonly generation: number;
  /**
   * Ascending by id; never empty. A user without slots has no UMK; a {@link UserTombstone} then replaces the keyring.
   */
  readonly slots: readonly Slot[];
  /** HMAC-SHA-256 over all of the above with the UMK, base64. */
  readonly mac: string;
}

/**
 * The record that replaces the keyring of a deleted user. Because of it, the conditional writes of the vault cannot
 * store old slots or a late change in its place.
 */
export interface UserTombstone extends UserRef {
  readonly state: 'deleted';
  readonly createdAt: string;
  readonly deletedAt: string;
  readonly generation: number;
}

/**
 * Maximum number of slots per user. It keeps the record well below the 400 KiB limit of a DynamoDB item, and its
 * verification fast.
 */
export const maxSlots = 64;

/** Creates the keyring of a new user with its first slots. */
export const newUserKeyring = (umk: Umk, slots: readonly Slot[], createdAt: string): UserKeyring =>
  withMac(umk, { org: umk.org, user: umk.user, state: 'active', createdAt, generation: 1, slots });

/**
 * Creates the next keyring, with the given slots removed and added. Every change needs the UMK, so that no one without
 * it can put a slot back.
 * @throws RangeError when no slot or more than {@link maxSlots} would be left, two slots have the same id, or the UMK
 *   belongs to another user
 */
export function withChangedSlots(
  keyring: UserKeyring,
  umk: Umk,
  change: { readonly remove?: readonly string[]; readonly add?: readonly Slot[] },
): UserKeyring {
  const left = keyring.slots.filter(({ id }) => change.remove?.includes(id) !== true);
  const { mac: _, ...last } = keyring;
  return withMac(umk, { ...last, generation: keyring.generation + 1, slots: [...left, ...(change.add ?? [])] });
}

function withMac(umk: Umk, keyring: Omit<UserKeyring, 'mac'>): UserKeyring {
  if (umk.org !== keyring.org || umk.user !== keyring.user) throw new RangeError('the UMK belongs to another user');
  const slots = keyring.slots.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  if (slots.length === 0 || slots.length > maxSlots) throw new RangeError(`a user must have 1 to ${maxSlots} slots`);
  if (new Set(slots.map(({ id }) => id)).size < slots.length) throw new RangeError('two slots have the same id');
  const next = { ...keyring, slots };
  return { ...next, mac: computeUserKeyringMac(next, umk).toString('base64') };
}

function computeUserKeyringMac(keyring: Omit<UserKeyring, 'mac'>, umk: Umk): Buffer {
  const fields: Field[] = ['anima:user-keyring:v1', keyring.org, keyring.user, keyring.state, keyring.createdAt];
  fields.push(u64(keyring.generation));
  for (const slot of keyring.slots)
    fields.push(...slotAuthenticatedFields(slot), decodeStrictBase64(slot.wrapped) ?? '');
  return hmacSha256(umk.macKey, encodeLengthPrefixedFields(...fields));
}

/**
 * Rejects a keyring whose record was changed by an attacker without the UMK.
 * @throws DecryptionError
 */
export function verifyUserKeyring(keyring: UserKeyring, umk: Umk): void {
  const mac = decodeStrictBase64(keyring.mac);
  const expected = computeUserKeyringMac(keyring, umk);
  if (mac?.length !== expected.length || !timingSafeEqual(mac, expected)) throw new DecryptionError();
}

/**
 * Creates the tombstone of a keyring: all slots are destroyed at once, and the UMK with them. No key is needed, so that
 * destruction never depends on one.
 */
export const createUserTombstone = (
  { org, user, createdAt, generation }: UserKeyring,
  deletedAt: string,
): UserTombstone => ({
  org,
  user,
  state: 'deleted',
  createdAt,
  deletedAt,
  generation: generation + 1,
});

/** The stored form, except for its key attributes: `slots` is keyed by slot id. */
export function toUserKeyringRecord(stored: UserKeyring | UserTombstone): Record<string, unknown> {
  if (stored.state === 'deleted') return { ...stored };
  const { slots, ...rest } = stored;
  return { ...rest, slots: Object.fromEntries(slots.map(({ id, ...slot }) => [id, slot])) };
}

/**
 * Parses a stored record without trusting its content. The MAC is checked later by {@link verifyUserKeyring}, once a
 * slot is open.
 * @throws DecryptionError when the record does not have the documented form, or belongs to another org or user
 */
export function parseUserKeyringRecord(record: unknown, { org, user }: UserRef): UserKeyring | UserTombstone {
  const { state, createdAt, deletedAt, generation, slots, mac, ...rest } = requireObjectFields(record);
  if (rest.org !== org || rest.user !== user || typeof createdAt !== 'string') throw new DecryptionError();
  if (!isCount(generation) || generation < 1) throw new DecryptionError();
  if (state === 'deleted') {
    if (typeof deletedAt !== 'string') throw new DecryptionError();
    return { org, user, state, createdAt, deletedAt, generation };
  }
  if (state !== 'active' || typeof mac !== 'string') throw new DecryptionError();
  const list = Object.entries(requireObjectFields(slots)).map(([id, slot]) => parseSlot(id, slot));
  if (list.length === 0 || list.length > maxSlots) throw new DecryptionError();
  list.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { org, user, state, createdAt, generation, slots: list, mac };
}

/** Kinds of slots that must have `expiresAt`. All other kinds must not have it. */
const expiringSlotKinds: readonly SlotKind[] = ['session', 'link'];

function parseSlot(id: string, record: unknown): Slot {
  const { kind, locator, salt, params, createdAt, expiresAt, wrapped, ...rest } = requireObjectFields(record);
  if (!isOpaqueId(id) || !isSlotKind(kind) || typeof locator !== 'string' || typeof createdAt !== 'string') {
    throw new DecryptionError();
  }
  if (Object.keys(rest).length > 0 || (params !== undefined) !== (kind === 'password')) throw new DecryptionError();
  if ((expiresAt !== undefined) !== expiringSlotKinds.includes(kind)) throw new DecryptionError();
  if (!isBase64(salt) || !isBase64(wrapped)) throw new DecryptionError();
  // Argon2id refuses a short salt, before anything authenticates it.
  if (kind === 'password' && decodeStrictBase64(salt)?.length !== slotSaltLength) throw new DecryptionError();
  const facts = {
    id,
    kind,
    locator,
    salt,
    ...(params === undefined ? {} : { params: parsePasswordParams(params) }),
    createdAt,
  };
  if (expiresAt === undefined) return { ...facts, wrapped };
  if (typeof expiresAt !== 'string') throw new DecryptionError();
  return { ...facts, expiresAt, wrapped };
}

/**
 * Upper bounds. Without them, an attacker who can write the record could choose the memory and time that a login takes.
 */
const maxPasswordParams = { memory: 65_536, passes: 8, lanes: 4 };
/** Minimum KiB for each lane (RFC 9106 section 3.1). */
const minMemoryPerLane = 8;

function parsePasswordParams(record: unknown): PasswordParams {
  const { algorithm, memory, passes, lanes, verifier, ...rest } = requireObjectFields(record);
  if (algorithm !== 'argon2id' || !isBase64(verifier) || Object.keys(rest).length > 0) throw new DecryptionError();
  if (
    !isPositiveUpTo(memory, maxPasswordParams.memory) ||
    !isPositiveUpTo(passes, maxPasswordParams.passes) ||
    !isPositiveUpTo(lanes, maxPasswordParams.lanes)
  ) {
    throw new DecryptionError();
  }
  if (memory < minMemoryPerLane * lanes) throw new DecryptionError();
  return { algorithm, memory, passes, lanes, verifier };
}

const isPositiveUpTo = (value: unknown, maximum: number): value is number =>
  isCount(value) && value >= 1 && value <= maximum;
const isSlotKind = (value: unknown): value is SlotKind => slotKinds.some((kind) => kind === value);
const isBase64 = (value: unknown): value is string =>
  typeof value === 'string' && decodeStrictBase64(value) !== undefined;
