/** Releases the locators of removed slots and deleted users. */
import { isKeyPart } from '../../core/encoding/key-part.ts';
import type { Slot } from '../../core/users/key-slot.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { LocatorStore } from './user-ports.ts';

/** A current or former locator of a user, with the kind of its slot. */
export type SlotLocator = Pick<Slot, 'kind' | 'locator'>;

/**
 * Whether an index entry is stored for a slot of this kind. The locator of a user key is stored only in its slot, and a
 * session has no locator.
 */
export const hasStoredLocator = ({ kind }: Pick<Slot, 'kind'>): boolean =>
  kind === 'identity' || kind === 'password' || kind === 'link';

/** The locators of slots that have one, without those that the vault cannot have stored: they are keys of items. */
export const storedLocatorsOf = (slots: readonly SlotLocator[]): SlotLocator[] =>
  slots
    .filter((slot) => hasStoredLocator(slot) && isKeyPart(slot.locator))
    .map(({ kind, locator }) => ({ kind, locator }));

/** In seconds. A job waits in the queue for less than a day. */
const daySeconds = 86_400;

/**
 * Releases the locator of a removed slot or a deleted user. The locator of an identity is kept for a day, so that
 * messages still in the queue are known to precede the removal. During that day, the next user that links the identity
 * may claim the locator (locator-registry.ts).
 * @param slotId id of the removed slot: a newer claim stays. Omitted for a deleted user, to release any claim
 */
export async function releaseLocator(
  store: LocatorStore,
  { org, user }: UserRef,
  { kind, locator }: SlotLocator,
  now: Date,
  slotId?: string,
): Promise<void> {
  if (kind === 'identity') await store.retire(org, locator, user, Math.ceil(now.getTime() / 1000) + daySeconds, slotId);
  else await store.remove(org, locator, user, slotId);
}
