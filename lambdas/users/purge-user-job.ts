/** The job that deletes the remaining data of a deleted user (docs/format.md, section 13). */
import { DecryptionError } from '../../core/decryption-error.ts';
import { requireObjectFields } from '../../core/encoding/stored-record-fields.ts';
import { slotKinds } from '../../core/users/key-slot.ts';
import type { SlotLocator } from './locator-release.ts';

export interface PurgeUserJobPayload {
  readonly kind: 'erase';
  readonly user: string;
  /** The locators to release; at most one for each slot. */
  readonly locators: readonly SlotLocator[];
}

/** @throws DecryptionError for malformed fields */
export function decodeEraseJob({ user, locators }: Readonly<Record<string, unknown>>): PurgeUserJobPayload {
  if (typeof user !== 'string' || !Array.isArray(locators)) throw new DecryptionError();
  return { kind: 'erase', user, locators: locators.map(locatorOf) };
}

function locatorOf(entry: unknown): SlotLocator {
  const { kind: rawKind, locator } = requireObjectFields(entry);
  const kind = slotKinds.find((name) => name === rawKind);
  if (kind === undefined || typeof locator !== 'string') throw new DecryptionError();
  return { kind, locator };
}
