/** Limits of sessions (docs/format-sessions.md, section 9). Times are in milliseconds. */

const hour = 3_600_000;
const day = 24 * hour;

/** Messages that one message may skip in a chain, and skipped keys that are kept for a chain. */
export const maxSkippedPerChain = 1_000;
/** Skipped keys that are kept for a session. */
export const maxSkippedPerSession = 2_000;
/** Receiving chains whose skipped keys are kept, the current one included. */
export const maxReceivingChains = 5;
/** Age at which a skipped key is deleted. */
export const maxSkippedKeyAge = 7 * day;

/** Age, and number of messages in both directions, from which a session is due to be replaced by a new one. */
export const maxSendingAge = 7 * day;
export const maxSessionMessages = 10_000;
/** Time since the last message of a session after which it is deleted. */
export const maxIdleAge = 40 * day;
/** Sessions with one peer. The one that received least recently is deleted beyond it. */
export const maxSessionsPerPeer = 16;
/** Handshakes of one peer that are remembered. */
export const maxRememberedHandshakes = 1_000;

/** Messages of a peer that did not open, after which a resync is due. */
export const resyncFailures = 3;
/** Time between two resyncs. */
export const resyncInterval = hour;
/** How far the time of a resync may be behind or ahead of the receiver's clock. */
export const maxResyncAge = 40 * day;
export const maxResyncAhead = day;

/** Bytes of a whole message. */
export const maxMessageBytes = 98_304;
/** Bytes of a body that a message contains itself. */
export const maxInlineBody = 4_096;
/** Bytes of a body that is sealed as an attachment. */
export const maxAttachmentBytes = 16_777_216;
/** Files of a message, and bytes of the name of one. */
export const maxFiles = 8;
export const maxFileNameBytes = 255;
