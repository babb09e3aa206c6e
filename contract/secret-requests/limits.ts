/** Limits of requests for a secret (docs/secret-requests.md). */
export const secretRequestLimits = {
  /** Maximum length of the reason, characters. */
  whyLength: 200,
  /** Default, minimum and maximum time until a link expires, seconds. */
  expiresIn: 3_600,
  expiresInMin: 60,
  expiresInMax: 86_400,
  /** Maximum length of what the page sends, bytes: a value, its rules, and padding. */
  sealedBytes: 98_304,
  /** Maximum number of requests of one API key in a window of this many seconds. */
  requestsPerKey: 60,
  windowSeconds: 900,
  /** How long the item of a request is kept after its expiry, seconds. */
  keptSeconds: 86_400,
  /** Age from which the claim of an answer is abandoned, seconds. No function runs that long. */
  claimSeconds: 60,
} as const;

/** States of a request. */
export const secretRequestStates = ['asked', 'filled', 'denied', 'cancelled', 'expired'] as const;
