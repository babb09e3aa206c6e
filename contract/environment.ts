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

/** Index of the audit table by `mark`, through which the sealer finds the orgs with new records. */
export const auditIndex = 'byMark';

/** Item of the audit table in which the sealer notes how far it is; no org has such an id. */
export const sweepKey = { org: '#sealer', id: '#swept' } as const;

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
export const lifetimeTag = 'lifetime';
export const unfinishedLifetime = 'unfinished';
export const keptLifetime = 'kept';
/** Days after which objects are removed: a blob gets the least that outlasts it. */
export const objectLifetimes = [2, 8, 31, 91, 366] as const;
/** Days after which what was never completed is removed: longer than an upload may take. */
export const unfinishedDays = 3;
