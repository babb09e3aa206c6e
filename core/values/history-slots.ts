/**
 * The history of a value: a ring of slots, one item each, in the table of values (docs/format.md, section 5). A version
 * has the same slot as the version that is dropped for it, so nothing has to be deleted when a version is added.
 */

/** Number of earlier versions that are kept. */
export const historySlots = 9;

export const allSlots: readonly number[] = Array.from({ length: historySlots }, (_, slot) => slot);

export const slotOf = (version: number): number => version % historySlots;

/** Whether a version is among the earlier versions that are kept beside a current version. */
export const isKeptBeside = (current: number, version: number): boolean =>
  version >= Math.max(1, current - historySlots) && version < current;

/** The earlier version that a slot holds beside a current version; undefined if there are not that many versions. */
export function keptVersionOf(current: number, slot: number): number | undefined {
  const version = current - 1 - ((((current - 1 - slot) % historySlots) + historySlots) % historySlots);
  return version >= 1 ? version : undefined;
}

// '#' sorts before every character of a name, so the slots of all names come before all names.
const keyStart = '#h/';

/** Sort key of a slot. No name contains '#', so the key can't be that of a name or of a slot of another name. */
export const slotKey = (name: string, slot: number): string => `${keyStart}${name}#${slot}`;

/** The name and slot of a sort key; undefined if it is not that of a slot. */
export function parseSlotKey(key: string): { readonly name: string; readonly slot: number } | undefined {
  const [, name, digit] = /^#h\/([^#]+)#([0-9])$/.exec(key) ?? [];
  const slot = Number(digit);
  return name === undefined || slot >= historySlots ? undefined : { name, slot };
}
