/** Readable parts of a damaged user record. They suffice to list and delete the user, and nothing relies on them. */
import { DecryptionError } from '../../core/decryption-error.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import { isCount, objectFieldsOrEmpty } from '../../core/encoding/stored-record-fields.ts';
import { slotKinds } from '../../core/users/key-slot.ts';
import {
  maxSlots,
  parseUserKeyringRecord,
  type UserKeyring,
  type UserTombstone,
} from '../../core/users/user-keyring.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import { type SlotLocator, storedLocatorsOf } from './locator-release.ts';

export interface CorruptUserKeyring {
  readonly state: 'damaged';
  /** RFC 3339, if present. */
  readonly createdAt?: string;
  /** Generation from the record, or 0. */
  readonly generation: number;
  /** As stored, whatever it says: to replace the record only if it is still there. */
  readonly deletedAt?: string;
  /** Locators of its slots, as far as they can be read. */
  readonly slotLocators: readonly SlotLocator[];
}

/** Parses a user record in any state. */
export function parseUserRecordOrCorrupt(
  record: unknown,
  owner: UserRef,
): UserKeyring | UserTombstone | CorruptUserKeyring {
  try {
    return parseUserKeyringRecord(record, owner);
  } catch (error) {
    if (!(error instanceof DecryptionError)) throw error;
    const { createdAt, deletedAt, generation, slots } = objectFieldsOrEmpty(record);
    return {
      state: 'damaged',
      ...(typeof createdAt === 'string' && !Number.isNaN(Date.parse(createdAt)) ? { createdAt } : {}),
      ...(typeof deletedAt === 'string' ? { deletedAt } : {}),
      generation: isCount(generation) ? generation : 0,
      slotLocators: Object.entries(objectFieldsOrEmpty(slots)).flatMap(parseSlotLocator).slice(0, maxSlots),
    };
  }
}

function parseSlotLocator([id, slot]: [string, unknown]): SlotLocator[] {
  const { kind: rawKind, locator } = objectFieldsOrEmpty(slot);
  const kind = slotKinds.find((one) => one === rawKind);
  if (!isOpaqueId(id) || kind === undefined || typeof locator !== 'string') return [];
  return storedLocatorsOf([{ kind, locator }]);
}
