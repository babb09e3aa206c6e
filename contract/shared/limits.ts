/** Sizes and counts that the service enforces and clients can rely on. Bytes are bytes of UTF-8. */
export const limits = {
  /** Maximum length of a value, bytes. */
  valueBytes: 65_536,
  /** Maximum length of a name, characters (all ASCII). */
  nameLength: 256,
  /** Maximum number of entries in the metadata of a value. */
  metadataEntries: 16,
  /** Maximum length of a metadata key, characters. */
  metadataKeyLength: 64,
  /** Maximum length of a metadata value, characters. */
  metadataValueLength: 512,
  /** Number of versions kept per value, including the current one. */
  versionsKept: 10,
  /** Maximum number of items in a batch. */
  batchItems: 100,
  /**
   * Maximum bytes of values in one response of a batch get. Lambda limits a response to 6 MiB, including JSON escapes.
   */
  batchReplyBytes: 4_500_000,
  /** Maximum request body, bytes. Lambda limits a request to 6 MiB, and the event wraps the body in JSON. */
  requestBytes: 5_000_000,
  /** Default and maximum number of items on a list page. */
  pageSize: 100,
  pageSizeMax: 1000,
  /** Maximum length of a cursor, characters. The longest one has 16 bytes of scope and a DynamoDB sort key of 1024. */
  cursorLength: 2048,
  /** Maximum length of the name of an API key, characters. */
  apiKeyNameLength: 100,
  /** Maximum number of path prefixes of one API key. */
  apiKeyPrefixes: 20,
  /** Maximum and default overlap of the old and the new API key during a key rotation, seconds. */
  apiKeyOverlapMax: 604_800,
  apiKeyOverlap: 86_400,
  /** Maximum waiting period of a shredding, days. */
  shredWaitDays: 30,
  /** Maximum length of the agent, run and tool call ids that callers send, characters. */
  callerIdLength: 128,
  /** Maximum ciphertext of a blob, bytes. */
  blobBytes: 68_719_476_736,
  /**
   * Up to this many bytes, a blob of announced size is uploaded with one form. Larger blobs, and blobs without an
   * announced size, are uploaded in parts.
   */
  blobFormBytes: 16_777_216,
  /**
   * Number of chunks in each part of an upload in parts, each with 2^20 bytes of plaintext. The last part contains the
   * rest.
   */
  blobPartChunks: 8,
  /** Maximum number of parts whose URLs one request can ask for. */
  blobPartsPresigned: 16,
  /** Maximum duration of an upload, from its creation to its completion, seconds. */
  blobUploadSeconds: 172_800,
  /** Seconds for which a presigned S3 URL works, for the upload of a form or part, or for a download. */
  blobPresignedUrlSeconds: 1_800,
  /** Maximum time until the expiry of a blob, seconds. */
  blobExpiryMax: 31_536_000,
  /** Maximum value of the limit on openings. */
  blobOpeningsMax: 1_000_000,
  /** Maximum record of a user's memory, bytes of its JSON. */
  recordBytes: 65_536,
  /** Maximum nesting depth of lists and objects in a record. */
  recordDepth: 100,
  /** Maximum length of a record id that a caller chooses, characters. */
  recordIdLength: 128,
  /** Maximum bytes of records in one response of a list or a search. */
  recordReplyBytes: 4_500_000,
  /** Maximum number of records that one search request decrypts. The rest is left for the next request. */
  searchedRecords: 1000,
  /** Maximum length of a search text, characters. */
  searchTextLength: 256,
  /** Namespaces of records: maximum number of parts, and maximum length of a part, characters. */
  namespaceParts: 8,
  namespacePartLength: 128,
  /** Maximum length of the key of a record in a namespace, characters. */
  recordKeyLength: 256,
  /** The blind index of a record: maximum number of paths, of values of all paths, and length of a path, characters. */
  indexPaths: 16,
  indexValues: 64,
  indexPathLength: 128,
  /**
   * Vectors of a record: maximum number of vectors, of dimensions, and of numbers of all vectors; greatest absolute value
   * of a number.
   */
  embeddings: 16,
  embeddingDimensions: 4_096,
  embeddingNumbers: 16_384,
  embeddingValue: 1e15,
  /** Default number of records that a search by a vector returns. */
  nearestRecords: 10,
  /** Maximum length of a message from a channel, bytes. */
  messageBytes: 16_384,
  /** Maximum number of files that are kept of one message from a channel, and maximum bytes of one file and of all. */
  mediaPerMessage: 10,
  mediaBytes: 16_777_216,
  mediaBytesPerMessage: 33_554_432,
  /** Maximum length of the name of a file, characters. */
  mediaNameLength: 255,
  /** Seconds for which the URL of a file of a message works. */
  mediaUrlSeconds: 900,
  /** Maximum number of answers to one sender in an hour. Further messages are stored without an answer. */
  answersPerHour: 60,
  /** The responder receives the latest messages of the conversation: at most this many messages and bytes. */
  historyMessages: 50,
  historyBytes: 262_144,
  /**
   * Lifetime of a session in seconds, and maximum number of sessions per user. A new session replaces the oldest one.
   */
  sessionSeconds: 604_800,
  sessionsKept: 10,
  /** Lifetime of a link code in seconds, and maximum number of attempts with it. */
  linkCodeSeconds: 600,
  linkCodeAttempts: 5,
  /**
   * Maximum number of login attempts per login name in a window of this many seconds. Further attempts are refused
   * until the window has ended.
   */
  loginAttempts: 10,
  loginWindowSeconds: 900,
  /**
   * Maximum number of login attempts in the same window from one source address (IPv6: from one /64 network), and in
   * one organization. High enough for offices behind one address; they bound what a stranger's attempts cost.
   */
  loginAttemptsPerAddress: 300,
  loginAttemptsPerOrg: 3_000,
  /**
   * Maximum number of times that an account can ask for a login name that it does not have, and that the accounts of
   * one organization can, in a window of this many seconds. The answer tells whether another user has the name.
   */
  newLogins: 10,
  newLoginsPerOrg: 10_000,
  newLoginWindowSeconds: 86_400,
  /** Minimum and maximum length of a password, and maximum length of a login name, characters. */
  passwordLength: 8,
  passwordLengthMax: 256,
  loginLength: 128,
  /** Minimum and maximum length of a write id, characters. */
  writeIdMin: 16,
  writeIdMax: 64,
} as const;
