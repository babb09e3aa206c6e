/** Limits of a device vault (docs/format-devices.md, section 11). Every reader enforces them. */

/** Unsigned bytes of an entry. */
export const maxEntryBytes = 262_144;

/** Changes in an entry of the kind `records`. */
export const maxChanges = 100;

/** Members, the recovery member included. */
export const maxMembers = 32;

/** Roster entries that took effect. An entry `close` is not counted. */
export const maxRosterEntries = 1024;

/** The last roster entries, which only removals and recoveries can use. */
export const reservedRosterEntries = 64;

/** Bytes of a sealed device label. */
export const maxLabelBytes = 284;

/** A Lamport time is at most this many times the sequence number of its entry. */
export const maxLamportPerEntry = 100;
