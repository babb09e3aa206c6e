/** Sizes and counts that the service enforces and clients may rely on. Bytes are bytes of UTF-8. */
export const limits = {
  /** Longest value, bytes. */
  valueBytes: 65_536,
  /** Longest name, characters (all of them ASCII). */
  nameLength: 256,
  /** Entries in the metadata of a value. */
  metadataEntries: 16,
  /** Longest key of a metadata entry, characters. */
  metadataKeyLength: 64,
  /** Longest value of a metadata entry, characters. */
  metadataValueLength: 512,
  /** Versions kept of a value, the current one included. */
  versionsKept: 10,
  /**
   * Most bytes that the sealed strings of one value's versions may take together. A DynamoDB item ends at
   * 400 KiB; what is over is dropped from the oldest version on.
   */
  itemBytes: 380_000,
  /** Items of a batch. */
  batchItems: 100,
  /** Most bytes of values in one reply of a batch get: Lambda ends a reply at 6 MiB, JSON escapes included. */
  batchReplyBytes: 4_500_000,
  /** Longest request body, bytes. Lambda ends a request at 6 MiB, and the event wraps the body in JSON. */
  requestBytes: 5_000_000,
  /** Items of a list page: unless told, and at most. */
  pageSize: 100,
  pageSizeMax: 1000,
  /** Longest name of an API key, characters. */
  apiKeyNameLength: 100,
  /** Path prefixes of one API key. */
  apiKeyPrefixes: 20,
  /** Longest overlap of two API keys while one is rotated, seconds, and the overlap unless told. */
  apiKeyOverlapMax: 604_800,
  apiKeyOverlap: 86_400,
  /** Longest waiting period of a shredding, days. */
  shredWaitDays: 30,
  /** Longest of the ids by which callers tell their agent, run and tool call, characters. */
  callerIdLength: 128,
  /** Largest ciphertext of a blob, bytes. */
  blobBytes: 68_719_476_736,
  /** Up to this, a blob of announced size is uploaded by one form; beyond, and without an announced size, in parts. */
  blobFormBytes: 16_777_216,
  /** Chunks in each part of an upload in parts, of 2^20 bytes of plaintext each; the last part has the rest. */
  blobPartChunks: 8,
  /** Parts whose addresses one request may ask for. */
  blobPartsPresigned: 16,
  /** Seconds for which an upload may go on, from its ticket to its completion. */
  blobUploadSeconds: 172_800,
  /** Seconds for which an address of S3 that was handed out works: to upload a form or part, or to download. */
  blobPresignedUrlSeconds: 1_800,
  /** Longest expiry of a blob, seconds. */
  blobExpiryMax: 31_536_000,
  /** Most openings that can be set as a limit. */
  blobOpeningsMax: 1_000_000,
  /** Largest record of a user's memory, bytes of its JSON. */
  recordBytes: 65_536,
  /** Deepest nesting of lists and objects in a record. */
  recordDepth: 100,
  /** Longest id of a record that a caller chooses, characters. */
  recordIdLength: 128,
  /** Most bytes of records in one reply of a list or a search. */
  recordReplyBytes: 4_500_000,
  /** Most records that one request of a search opens; what is left is for the next. */
  searchedRecords: 1000,
  /** Longest text that is searched for, characters. */
  searchTextLength: 256,
  /** Longest message that is taken from a channel, bytes. */
  messageBytes: 16_384,
  /** Messages of the conversation that a responder is given, the latest, and most bytes of them. */
  historyMessages: 50,
  historyBytes: 262_144,
  /** Seconds for which a session lasts, and how many a user may have: the oldest ends for a new one. */
  sessionSeconds: 604_800,
  sessionsKept: 10,
  /** Seconds for which a code for linking works, and how often it may be tried. */
  linkCodeSeconds: 600,
  linkCodeAttempts: 5,
  /** Attempts to log in by one login within so many seconds; then it waits until they have passed. */
  loginAttempts: 10,
  loginWindowSeconds: 900,
  /** Shortest and longest password, characters; longest login name. */
  passwordLength: 8,
  passwordLengthMax: 256,
  loginLength: 128,
  /** Length of a write id, characters. */
  writeIdMin: 16,
  writeIdMax: 64,
} as const;
