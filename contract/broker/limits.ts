/** Sizes, counts and times of the broker (docs/broker.md). Bytes are bytes of UTF-8. */
export const fetchLimits = {
  /** Maximum length of the address, characters. */
  urlLength: 4096,
  /** Maximum number of headers, of query parameters, and of form fields. */
  entries: 64,
  /** Maximum length of the name and of the value of one of them, characters. */
  entryNameLength: 128,
  entryValueLength: 8192,
  /** Maximum length of `user` and `password`, and of texts of `auth`, characters. */
  credentialLength: 512,
  /** Maximum length of a body with placeholders, characters. */
  bodyLength: 262_144,
  /** Maximum body without placeholders, bytes. */
  bodyBytes: 1_048_576,
  /** Minimum, default and maximum time of the exchange with the host, milliseconds. */
  timeoutMsMin: 100,
  timeoutMs: 10_000,
  /** Default and maximum bytes of the body of the host's response that are returned. */
  responseBytes: 262_144,
  responseBytesMax: 786_432,
  /** Maximum value of `allowed_per_minute`. */
  usesPerMinute: 6000,
  /** Maximum length of the reason that an agent gives for a use, characters (docs/format-approvals.md). */
  reasonLength: 200,
  /** Maximum grace of a provider for a used refresh token, seconds. */
  graceSeconds: 86_400,
} as const;

/** Classes of HTTP status, in audit records. */
export const upstreamClasses = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;
