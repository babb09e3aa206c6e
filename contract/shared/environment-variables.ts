/** Environment names of the functions. lib sets them from constructs, the composition root reads them. */
export const functionEnv = {
  keyringTable: 'ANIMA_KEYRING_TABLE',
  apiKeyTable: 'ANIMA_API_KEY_TABLE',
  valueTable: 'ANIMA_VALUE_TABLE',
  /** ARN of the KEK; after commas those of KEKs before it, whose wrapped DEKs are still opened. */
  kekId: 'ANIMA_KEK_ID',
  /** Tables whose copies are looked for, as AWS Backup names them. */
  keyringTableArn: 'ANIMA_KEYRING_TABLE_ARN',
  valueTableArn: 'ANIMA_VALUE_TABLE_ARN',
  /** The progress of rotations. */
  rotationTable: 'ANIMA_ROTATION_TABLE',
  /** Audit records and the seals over them. */
  auditTable: 'ANIMA_AUDIT_TABLE',
  /** KMS key (ECC_NIST_P256, SIGN_VERIFY) of receipts and audit seals. */
  signingKeyId: 'ANIMA_SIGNING_KEY_ID',
  /** Days for which audit records are kept; 0 for ever. */
  auditRetentionDays: 'ANIMA_AUDIT_RETENTION_DAYS',
  /** Role that this function assumes with the org as session tag; absent where that is switched off. */
  sessionRole: 'ANIMA_SESSION_ROLE_ARN',
  /** Functions that others invoke. */
  rotationFunction: 'ANIMA_ROTATION_FUNCTION',
  shredFunction: 'ANIMA_SHRED_FUNCTION',
  sealFunction: 'ANIMA_SEAL_FUNCTION',
  /** Settings of rotation: days between scheduled ones and sealed messages before one is due; 0 for never. */
  rotationDays: 'ANIMA_ROTATION_DAYS',
  rotationMessages: 'ANIMA_ROTATION_MESSAGES',
  /** Blobs: their records, the bucket of their ciphertext, and the address of the page that opens links. */
  blobTable: 'ANIMA_BLOB_TABLE',
  blobBucket: 'ANIMA_BLOB_BUCKET',
  pageUrl: 'ANIMA_PAGE_URL',
  /** Largest ciphertext of a blob that this deployment takes, bytes. */
  blobMaxBytes: 'ANIMA_BLOB_MAX_BYTES',
  /** The bucket of the page itself. */
  pageBucket: 'ANIMA_PAGE_BUCKET',
  /** Users: their keyrings, their records, and the deliveries of messages that were seen. */
  userKeyringTable: 'ANIMA_USER_KEYRING_TABLE',
  userKeyringTableArn: 'ANIMA_USER_KEYRING_TABLE_ARN',
  userRecordTable: 'ANIMA_USER_RECORD_TABLE',
  deliveryTable: 'ANIMA_DELIVERY_TABLE',
  /**
   * KMS keys (HMAC_256; docs/format.md, section 12): those that make what opens slots, of identities the one, of passwords and codes the
   * other; and the one that makes what finds them.
   */
  custodyKeyId: 'ANIMA_CUSTODY_KEY_ID',
  codeKeyId: 'ANIMA_CODE_KEY_ID',
  routingKeyId: 'ANIMA_ROUTING_KEY_ID',
  /** KMS key that wraps the keys of jobs (docs/format.md, section 13), and the queue that they go through. */
  transitKeyId: 'ANIMA_TRANSIT_KEY_ID',
  jobQueueUrl: 'ANIMA_JOB_QUEUE_URL',
  /** The function that gives the secrets of an org's channels. */
  secretsFunction: 'ANIMA_SECRETS_FUNCTION',
  /** The function that answers messages; absent where they are only kept. */
  responderFunction: 'ANIMA_RESPONDER_FUNCTION',
  /** Address under which providers call: part of what they sign. */
  publicUrl: 'ANIMA_PUBLIC_URL',
  /** Base address of the providers' APIs where they are not the real ones: on one machine alone. */
  providerApis: 'ANIMA_PROVIDER_APIS',
  /** Which function may do what with keys and tables, as the deployment's policies say it; made at synthesis for `explain`. */
  grants: 'ANIMA_GRANTS',
  stage: 'ANIMA_STAGE',
} as const;

/** Environment names of the client. */
export const clientEnv = {
  /** The API key. */
  apiKey: 'ANIMA_KEY',
  /** Address of the vault, e.g. `https://abc.execute-api.eu-central-1.amazonaws.com`. */
  url: 'ANIMA_URL',
} as const;

/** Where the local vault listens unless told; also where the client looks unless told. */
export const localPort = 8787;
export const localUrl = `http://127.0.0.1:${localPort}`;

/** The session tag that names the org, and so limits what an assumed role reaches. */
export const orgSessionTag = 'org';

/** Longest time a function may run for one request, seconds: no request outlives it, on which retiring a DEK relies. */
export const functionTimeoutSeconds = 15;

/** Longest time that the worker may take for one message, seconds: a responder may think that long. It uses no DEK of an org. */
export const workerTimeoutSeconds = 60;

/** How long a job waits in the queue at most, seconds; then it is lost. */
export const jobRetentionSeconds = 4 * 3_600;

/**
 * Names of the values in an org's vault that hold the secrets of its channels: this, then the channel's name. All names under it are
 * reserved (roles.ts, rolesOfReservedNames).
 */
export const channelSecretsPrefix = 'channels/';

/** The cookie of a session. `__Host-`: over TLS alone, of this host alone, for all of its paths (RFC 6265bis section 4.1.3). */
export const sessionCookie = '__Host-anima';

/** Index of the audit table by `mark`, through which the sealer finds the orgs with new records. */
export const auditMarkIndex = 'byMark';

/** Item of the audit table in which the sealer notes how far it is; no org has such an id. */
export const sealerProgressKey = { org: '#sealer', id: '#swept' } as const;

/** Headers by which a caller tells what it acts for; recorded in the audit, and trusted no further. */
export const callerHeaders = {
  agent: 'x-anima-agent',
  run: 'x-anima-run',
  toolCall: 'x-anima-tool-call',
} as const;

/** Where the local vault serves the page that opens links, and its object store, unless told. */
export const localPagePort = 8788;
export const localObjectPort = 8789;

/**
 * Object tag by which lifecycle rules tell how long an object may stay (docs/blobs.md): `unfinished`, a number of days of
 * `objectLifetimes`, or `kept`.
 */
export const objectLifetimeTag = 'lifetime';
export const unfinishedLifetimeValue = 'unfinished';
export const keptLifetimeValue = 'kept';
/** Days after which objects are removed: a blob gets the least that outlasts it. */
export const objectLifetimeDays = [2, 8, 31, 91, 366] as const;
/** Days after which what was never completed is removed: longer than an upload may take. */
export const unfinishedObjectDays = 3;
