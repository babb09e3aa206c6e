/** Sizes, counts and times of session custody that the service enforces (docs/session-service.md, section 12). */
export const sessionLimits = {
  /** Maximum size of a signed entry of the directory, bytes (docs/format-directory.md, section 2). */
  directoryEntryBytes: 8_404,
  /** Maximum number of devices, fleets, members of fleets and links of a directory, together. */
  directorySubjects: 20_000,
  /** Maximum number of entries in one answer, and bytes of their base64. */
  directoryPage: 1_000,
  directoryReplyBytes: 4_500_000,
  /** Invites of an org at a time; seconds of an invite, and of an enrollment that waits for the admin. */
  invites: 100,
  inviteSeconds: 600,
  enrollmentSeconds: 86_400,
  /** Maximum sizes of a signed bundle, a signed one-time prekey, a certificate and a signed statement, bytes. */
  bundleBytes: 2_048,
  oneTimePrekeyBytes: 512,
  certificateBytes: 2_048,
  conversationBytes: 8_192,
  /** One-time prekeys in one request, and of one device. */
  oneTimePrekeysSent: 50,
  oneTimePrekeys: 100,
  /** Claims of one device from another one in a window of this many seconds. */
  claims: 10,
  claimWindowSeconds: 3_600,
  /** Maximum number of conversations of a participant that are listed in one answer. */
  conversationsPage: 100,
  /** Maximum size of a message, number of messages in one request, and lifetime of a message, seconds. */
  sessionMessageBytes: 98_304,
  messagesSent: 16,
  messageSeconds: 2_592_000,
  /** Maximum number of messages of a mailbox, and their bytes. One sender can have a quarter of both. */
  mailboxMessages: 10_000,
  mailboxBytes: 67_108_864,
  mailboxSenderParts: 4,
  /** Maximum number of messages in one answer, and bytes of their base64. */
  messagesPage: 100,
  messagesReplyBytes: 4_500_000,
  /** Names in one acknowledgement. */
  acksSent: 100,
  /** Maximum difference between the time of a signature and the service's clock, seconds. */
  sessionSignatureAgeSeconds: 60,
  /** Maximum ciphertext of an attachment, bytes: 16,777,216 bytes of plaintext with padding, nonce and tag. */
  attachmentBytes: 17_301_544,
  /** Bytes of attachments that a device can announce in one day (UTC). */
  attachmentBytesPerDay: 4_294_967_296,
  /** Lifetime of a ticket, seconds. */
  ticketSeconds: 30,
  /** Sockets of a device. A further one ends the oldest. */
  sockets: 4,
  /** Lifetime of the row of a connection, seconds: longer than any connection. */
  connectionSeconds: 7_800,
  /** Maximum size of a message that is sent in a frame, bytes. */
  frameMessageBytes: 16_384,
  /** Push subscriptions of a device. A further one replaces the one that expires first. */
  pushSubscriptions: 4,
  /** Lifetime of a push subscription, seconds. */
  pushSubscriptionSeconds: 7_776_000,
  /** Maximum length of the endpoint of a push subscription, characters. */
  pushEndpointLength: 1_024,
  /** Minimum time between two push notices for a device, seconds. */
  pushIntervalSeconds: 60,
} as const;
