/** Limits of the directory (docs/format-directory.md, section 11). Every reader enforces them. */

/** Unsigned bytes of an entry. */
export const maxEntryBytes = 8192;

/** Authority keys at one time. */
export const maxAuthorities = 16;

/** Rights of a device or a fleet. */
export const maxRights = 16;

/** Persons, agents, and signers of a conversation, each. */
export const maxParticipants = 16;

/** One-time prekeys that a device publishes. */
export const maxOneTimePrekeys = 50;

const dayMs = 86_400_000;

/** Lifetime of a certificate of a fleet. */
export const maxCertificateMs = dayMs;

/** Lifetime of a bundle: 7 days until it is replaced, and 40 days until its private keys are deleted. */
export const maxBundleMs = 47 * dayMs;

/** How far a clock may be ahead. */
export const clockToleranceMs = 300_000;

/** How long an invite is valid. */
export const inviteMs = 600_000;
