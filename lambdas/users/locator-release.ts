/** What leads to a user, and how it is let go. */
import type { Slot } from '../../core/users/key-slot.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { LocatorStore } from './user-ports.ts';

/** What leads, or led, to a user, by the kind of its slot. */
export type SlotLocator = Pick<Slot, 'kind' | 'locator'>;

/** Whether anything is stored under the locator of such a slot: that of a user key stands in its slot alone, and a session has none. */
export const hasStoredLocator = ({ kind }: Pick<Slot, 'kind'>): boolean =>
  kind === 'identity' || kind === 'password' || kind === 'link';

/** Seconds; a job waits in the queue for less. */
const daySeconds = 86_400;

/**
 * Lets go what led to a slot that is gone, or to a user who was deleted. An identity's locator stays for a day: so that what it sent before,
 * and is still in the queue, is known to have come before. Meanwhile whoever it is linked to next may take it (locators.ts).
 * @param slotId id of the slot that is gone: what was claimed anew meanwhile stays. Of a deleted user all goes
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
