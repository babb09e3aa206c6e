/** Limits of approvals (docs/format-approvals.md). Every reader enforces them. */

/** Time from a question until it cannot be answered or used any more. */
export const maxApprovalMs = 300_000;

/** How far the clock of the broker may be ahead of that of a device. */
export const approvalClockToleranceMs = 60_000;

/** Canonical JSON of a body that a question shows; a longer one is shown by its hash. */
export const maxShownBodyBytes = 16_384;

/** Bytes of a sealed question. */
export const maxQuestionBytes = 98_304;

/** Characters of the reason. */
export const maxReasonLength = 200;

/** Characters of the agent and of the run, each. */
export const maxLabelLength = 128;

/** Values of one request. */
export const maxApprovalValues = 16;

/** Devices that a person's key is wrapped for. */
export const maxPersonKeyDevices = 20;

/** Earlier epochs whose secrets a person's key keeps. */
export const maxPersonKeyEpochs = 50;

/**
 * Editions between a statement about a person's key and the one that a reader saw before. With more, one statement could use
 * up the numbers.
 */
export const maxPersonKeyEditions = 10_000;

/** Bytes of the signed statement of a person's key. */
export const maxPersonKeyBytes = 16_384;

/** UTF-8 bytes of a value of custody `approval`: the longest that a request can use. */
export const maxApprovalValueBytes = 4096;
