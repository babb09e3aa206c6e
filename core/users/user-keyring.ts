/**
 * The keyring of a user: the slots that wrap the UMK (docs/format.md, section 12). Values are immutable: a function makes the next
 * keyring from the last, the caller persists it under a condition on `generation`, and only then tells of it.
 */
import { timingSafeEqual } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';
import { encodeLengthPrefixedFields, type Field, u64 } from '../encoding/length-prefixed-fields.ts';
import { isOpaqueId } from '../encoding/random-id.ts';
import { isCount, requireObjectFields } from '../encoding/stored-record-fields.ts';
import { decodeStrictBase64 } from '../encoding/strict-base64.ts';
import { hmacSha256 } from '../hazmat/node-primitives.ts';
import { type PasswordParams, type Slot, type SlotKind, slotAuthenticatedFields, slotKinds } from './key-slot.ts';
import type { Umk, UserRef } from './user-root-key.ts';

export interface UserKeyring extends UserRef {
  readonly state: 'active';
  /** RFC 3339. */
  readonly createdAt: string;
  /** 1 when made, one more with each change. */
  readonly generation: number;
  /** Ascending by id; never empty: without a slot there is no UMK, and then there is a {@link UserTombstone}. */
  readonly slots: readonly Slot[];
  /** HMAC-SHA-256 over all of the above under the UMK, base64. */
  readonly mac: string;
}

/** What is left of a user whose slots were destroyed: so that no copy of them, and no late change, can be put in their place. */
export interface UserTombstone extends UserRef {
  readonly state: 'deleted';
  readonly createdAt: string;
  readonly deletedAt: string;
  readonly generation: number;
}

/** Most slots of a user: so that the record stays well under the 400 KiB of an item, and its check fast. */
export const maxSlots = 64;

/** A new user's keyring, with its first slots. */
export const newUserKeyring = (umk: Umk, slots: readonly Slot[], createdAt: string): UserKeyring =>
  withMac(umk, { org: umk.org, user: umk.user, state: 'active', createdAt, generation: 1, slots });

/**
 * The next keyring: these slots taken away, those put in. Whoever changes it has the UMK, so that nobody else can put a slot back.
 * @throws RangeError when none would be left, or more than {@link maxSlots}
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
  if (umk.org !== keyring.org || umk.user !== keyring.user) throw new RangeError('the UMK is not of this user');
  const slots = keyring.slots.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  if (slots.length === 0 || slots.length > maxSlots) throw new RangeError(`a user has 1 to ${maxSlots} slots`);
  if (new Set(slots.map(({ id }) => id)).size < slots.length) throw new RangeError('two slots have one id');
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

/** Refuses a keyring whose record was changed by anyone who lacks the UMK. @throws DecryptionError */
export function verifyUserKeyring(keyring: UserKeyring, umk: Umk): void {
  const mac = decodeStrictBase64(keyring.mac);
  const expected = computeUserKeyringMac(keyring, umk);
  if (mac?.length !== expected.length || !timingSafeEqual(mac, expected)) throw new DecryptionError();
}

/** The end of a keyring: all slots are gone at once, and with them the UMK. Needs no key: destroying may never wait for one. */
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

/** The record as stored, but for the names of its keys: `slots` by id. */
export function toUserKeyringRecord(stored: UserKeyring | UserTombstone): Record<string, unknown> {
  if (stored.state === 'deleted') return { ...stored };
  const { slots, ...rest } = stored;
  return { ...rest, slots: Object.fromEntries(slots.map(({ id, ...slot }) => [id, slot])) };
}

/**
 * Reads a stored record, trusting nothing of it. Its MAC is for {@link verifyUserKeyring}, once a slot is open.
 * @throws DecryptionError for a record that does not have the documented form, or is of another org or user
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

/** Which members a slot of a kind has beside those that all have; others, or fewer, and it is none. */
const expiringSlotKinds: readonly SlotKind[] = ['session', 'link'];

function parseSlot(id: string, record: unknown): Slot {
  const { kind, locator, salt, params, createdAt, expiresAt, wrapped, ...rest } = requireObjectFields(record);
  if (!isOpaqueId(id) || !isSlotKind(kind) || typeof locator !== 'string' || typeof createdAt !== 'string') {
    throw new DecryptionError();
  }
  if (Object.keys(rest).length > 0 || (params !== undefined) !== (kind === 'password')) throw new DecryptionError();
  if ((expiresAt !== undefined) !== expiringSlotKinds.includes(kind)) throw new DecryptionError();
  if (!isBase64(salt) || !isBase64(wrapped)) throw new DecryptionError();
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

/** Bounds, since whoever wrote the record would else say how much memory and time a login takes. */
const maxPasswordParams = { memory: 65_536, passes: 8, lanes: 4 };
/** KiB for each lane (RFC 9106 section 3.1). */
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
