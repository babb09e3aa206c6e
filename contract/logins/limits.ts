/** Limits of workload identity (docs/workload-identity.md). */
export const loginLimits = {
  /** Default, minimum and maximum lifetime of a key that a login gives, seconds. */
  keySeconds: 900,
  keySecondsMin: 60,
  keySecondsMax: 3_600,
  /** Maximum number of claims that a login binds, and length of their names and values, characters. */
  claims: 16,
  claimNameLength: 128,
  claimValueLength: 512,
  /** Maximum length of an issuer, characters. */
  issuerLength: 256,
  /** Maximum number of keys that a login can list itself. */
  staticKeys: 10,
  /** Maximum length of a token, characters. */
  tokenLength: 16_384,
  /** Maximum time from the issue of a token to its expiry, seconds. */
  tokenSeconds: 86_400,
  /** Tolerance for the clock of an issuer, seconds. */
  clockSkewSeconds: 60,
  /** Maximum difference between the time of a signed AWS request and the vault's clock, seconds. */
  awsSkewSeconds: 300,
  /** Maximum number of keys that one login gives in a window of this many seconds. */
  keysPerLogin: 3_000,
  /** Maximum number of AWS logins from one source address (IPv6: from one /64 network) in the same window. */
  awsLoginsPerAddress: 1_500,
  windowSeconds: 900,
  /** Maximum length of the identity that is recorded with a key, characters. */
  subjectLength: 256,
} as const;
