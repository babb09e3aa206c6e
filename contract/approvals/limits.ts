/** Sizes, counts and times of approvals that the service enforces (docs/approvals.md). */
export const approvalLimits = {
  /** Time from a question until it cannot be answered or used any more, milliseconds (docs/format-approvals.md). */
  approvalMs: 300_000,
  /** Devices of a person that are asked. */
  devices: 16,
  /** Maximum sizes of a signed approval key and of a signed answer, bytes. */
  keyBytes: 512,
  answerBytes: 1_024,
  /** Maximum bytes of the sealed shares of an answer, and of the signed key of a person. */
  sharesBytes: 8_192,
  personKeyBytes: 16_384,
  /** Maximum uses of an approval of `run` or `time`. */
  uses: 1_000,
  /** Questions in one answer, and bytes of their base64. */
  questionsPage: 50,
  /** Rows that are read for one answer. */
  questionsRead: 100,
  questionsReplyBytes: 4_500_000,
  /** First and longest time that a key waits after a question without a yes, milliseconds. */
  waitMs: 10_000,
  waitMsMax: 300_000,
  /** A use that did not end after this time has an unknown outcome, milliseconds. Twice the time of a function. */
  useMs: 30_000,
  /** Rows are kept for this time after the question, seconds. */
  keptSeconds: 86_400,
} as const;

/** Of one answer about what was used. */
export const activityLimits = {
  /** Entries: by default, and at most. */
  page: 50,
  pageMax: 200,
  /** Audit records that are read: in one query, and how many queries. */
  query: 1_000,
  queries: 5,
} as const;

/** Why a device shows no question (docs/format-approvals.md, section 2). */
export const questionRefusals = [
  'malformed',
  'directory_forked',
  'directory_unknown',
  'other_person',
  'unknown_broker',
  'bad_signature',
  'other_details',
  'other_shares',
  'shares_closed',
  'clock',
  'expired',
] as const;
