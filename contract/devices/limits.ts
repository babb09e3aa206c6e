/** Sizes and counts of device vaults that the service enforces (docs/device-service.md, section 8). */
export const deviceLimits = {
  /** Maximum number of device vaults of a user, and bytes of the log of each. */
  deviceVaults: 16,
  deviceLogBytes: 1_073_741_824,
  /** Bytes of entries that a full log still takes for pruning. */
  pruningReserveBytes: 1_048_576,
  /** Maximum sizes of a signed entry, of its wraps, and of a recovery box (docs/format-devices.md), bytes. */
  deviceEntryBytes: 262_216,
  deviceWrapsBytes: 8_192,
  recoveryBoxBytes: 1_024,
  /** Maximum number of entries in one answer of a log, and bytes of their base64. */
  deviceLogPage: 1_000,
  deviceLogReplyBytes: 4_500_000,
  /**
   * What a log can be pruned to: bytes of the newest changes of all records, which a device that resumes holds in memory;
   * and entries over the life of the vault, because a hash of each is kept.
   */
  bundleBytes: 268_435_456,
  prunableEntries: 8_388_608,
  /** Pairings of a device vault: how many at a time, for how many seconds, and bytes of each message. */
  pairings: 3,
  pairingSeconds: 600,
  pairingMessageBytes: 1_024,
  /** Maximum difference between the time of a device's signature and the service's clock, seconds. */
  signatureAgeSeconds: 60,
  /** Time from the request to delete a device vault until it can be deleted, seconds. */
  deviceDeletionSeconds: 604_800,
} as const;
