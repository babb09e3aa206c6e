/**
 * Removes history slots that belong to no stored value.
 *
 * A slot is dead if the item of the name, read after the slot, is absent, has another life, or has a lower version. A
 * writer puts a version into a slot only after it read that version as the current one. The current version therefore
 * had the life of the slot, and at least its version, before the slot was read. If it no longer has when it is read
 * afterwards, that life has ended, and lives do not return. (A lower version appears only when an older item was put
 * back, for example from a backup.) The order of the two reads makes this safe without comparing clocks.
 */

import { allSlots, slotOf } from '../../core/values/history-slots.ts';
import { isMalformed, type ReadSlot, type ReadVersion } from '../shared/ports.ts';
import type { ValueStores } from './value-ports.ts';

/** @param current the item of the name, read after the slot */
export function isDeadSlot({ content }: Pick<ReadSlot, 'content'>, current: ReadVersion | undefined): boolean {
  if (current === undefined) return true;
  // An item that lacks the documented form may be repaired, and then its history is needed.
  if (isMalformed(current) || isMalformed(content)) return false;
  return content.life !== current.life || content.version > current.version;
}

/** Removes all dead slots of a name. */
export async function removeDeadSlots({ values, history }: ValueStores, org: string, name: string): Promise<void> {
  const slots = await history.read(org, name, allSlots);
  if (slots.length === 0) return;
  const current = await values.readCurrent(org, name);
  await Promise.all(
    slots.filter((slot) => isDeadSlot(slot, current)).map((slot) => history.deleteIfSame(org, name, slot)),
  );
}

/**
 * Removes the content of the slot of a version if it is dead or lacks the documented form. Such content can make the
 * condition of every write to the slot fail.
 */
export async function removeBlockingSlot(
  { values, history }: ValueStores,
  org: string,
  name: string,
  version: number,
): Promise<void> {
  const [slot] = await history.read(org, name, [slotOf(version)]);
  if (slot === undefined) return;
  const current = await values.readCurrent(org, name);
  if (isMalformed(slot.content) || isDeadSlot(slot, current)) await history.deleteIfSame(org, name, slot);
}
