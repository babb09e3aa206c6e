/** Environment variables of the functions. lib sets them from constructs; the composition root reads them. */
export const functionEnv = {
  keyringTable: 'ANIMA_KEYRING_TABLE',
  apiKeyTable: 'ANIMA_API_KEY_TABLE',
  valueTable: 'ANIMA_VALUE_TABLE',
  /** ARN of the KEK, followed by the comma-separated ARNs of earlier KEKs that can still unwrap DEKs. */
  kekId: 'ANIMA_KEK_ID',
  /** ARNs of the tables whose copies are searched for, in the form that AWS Backup uses. */
  keyringTableArn: 'ANIMA_KEYRING_TABLE_ARN',
  valueTableArn: 'ANIMA_VALUE_TABLE_ARN',
  /** Progress of rotations. */
  rotationTable: 'ANIMA_ROTATION_TABLE',
  /** Audit records. */
  auditTable: 'ANIMA_AUDIT_TABLE',
  /** KMS key (ECC_NIST_P256, SIGN_VERIFY) that signs receipts and audit seals. */
  signingKeyId: 'ANIMA_SIGNING_KEY_ID',
  /** Bucket with S3 Object Lock: the marks of orgs and the heads of the audit. */
  lockedBucket: 'ANIMA_LOCKED_BUCKET',
  /** KMS key (HMAC_256) from which the authentication keys of orgs are derived. */
  recordsKeyId: 'ANIMA_RECORDS_KEY_ID',
  /** Days for which audit records are kept; 0 means forever. */
  auditRetentionDays: 'ANIMA_AUDIT_RETENTION_DAYS',
  /** Role that this function assumes with the org as session tag; absent where this is disabled. */
  sessionRole: 'ANIMA_SESSION_ROLE_ARN',
  /** ARNs of the aliases of functions that other functions invoke. */
  rotationFunction: 'ANIMA_ROTATION_FUNCTION',
  shredFunction: 'ANIMA_SHRED_FUNCTION',
  sealFunction: 'ANIMA_SEAL_FUNCTION',
  /**
   * Rotation settings: days between scheduled rotations, and number of sealed values after which a rotation is due; 0
   * means never.
   */
  rotationDays: 'ANIMA_ROTATION_DAYS',
  rotationMessages: 'ANIMA_ROTATION_MESSAGES',
  /** Blobs: the table of their records, the bucket of their ciphertext, and the URL of the page that opens links. */
  blobTable: 'ANIMA_BLOB_TABLE',
  blobBucket: 'ANIMA_BLOB_BUCKET',
  pageUrl: 'ANIMA_PAGE_URL',
  /** Maximum ciphertext of a blob that this deployment accepts, bytes. */
  blobMaxBytes: 'ANIMA_BLOB_MAX_BYTES',
  /** SHA-256, in lower-case hexadecimal, of the secret in `originSecretHeader`. */
  originSecretHash: 'ANIMA_ORIGIN_SECRET_SHA256',
  /** Bucket of that page. */
  pageBucket: 'ANIMA_PAGE_BUCKET',
  /** Users: the tables of their keyrings, their records, and the message deliveries already received. */
  userKeyringTable: 'ANIMA_USER_KEYRING_TABLE',
  userKeyringTableArn: 'ANIMA_USER_KEYRING_TABLE_ARN',
  userRecordTable: 'ANIMA_USER_RECORD_TABLE',
  deliveryTable: 'ANIMA_DELIVERY_TABLE',
  /** Device vaults: the tables of their rosters and of their logs. */
  deviceRosterTable: 'ANIMA_DEVICE_ROSTER_TABLE',
  deviceRosterTableArn: 'ANIMA_DEVICE_ROSTER_TABLE_ARN',
  deviceLogTable: 'ANIMA_DEVICE_LOG_TABLE',
  /** The broker: hosts that values were sent to, counters of uses, and states of access tokens. */
  brokerTable: 'ANIMA_BROKER_TABLE',
  /** Questions to devices, and their answers. */
  approvalTable: 'ANIMA_APPROVAL_TABLE',
  /** KMS key (HMAC_256) from which the signing keys of brokers are derived. */
  brokerKeyId: 'ANIMA_BROKER_KEY_ID',
  /** Session custody: the tables of the directories, and of the mailboxes. */
  directoryTable: 'ANIMA_DIRECTORY_TABLE',
  mailboxTable: 'ANIMA_MAILBOX_TABLE',
  /** Logins of identities of other systems, and the identities that were used. */
  loginTable: 'ANIMA_LOGIN_TABLE',
  /** Requests for a secret: their table, and the KMS key (HMAC_256) from which their private keys are derived. */
  secretRequestTable: 'ANIMA_SECRET_REQUEST_TABLE',
  secretRequestKeyId: 'ANIMA_SECRET_REQUEST_KEY_ID',
  /**
   * KMS keys (HMAC_256; docs/format.md, section 12). The custody key computes the secrets of identity slots. The code
   * key computes the secrets of password and link code slots. The routing key computes the locators of all of these.
   */
  custodyKeyId: 'ANIMA_CUSTODY_KEY_ID',
  codeKeyId: 'ANIMA_CODE_KEY_ID',
  routingKeyId: 'ANIMA_ROUTING_KEY_ID',
  /** KMS key that wraps the keys of jobs (docs/format.md, section 13), and the URL of the job queue. */
  transitKeyId: 'ANIMA_TRANSIT_KEY_ID',
  jobQueueUrl: 'ANIMA_JOB_QUEUE_URL',
  /** Function that returns the secrets of an org's channels. */
  secretsFunction: 'ANIMA_SECRETS_FUNCTION',
  /** Function that answers messages; absent where messages are only stored. */
  responderFunction: 'ANIMA_RESPONDER_FUNCTION',
  /** Public base URL that providers call. It is part of what they sign. */
  publicUrl: 'ANIMA_PUBLIC_URL',
  /** Base URLs of the API, separated by commas, for the audiences of identities that log in. */
  loginUrls: 'ANIMA_LOGIN_URLS',
  /** URL of the WebSocket API that devices open, and base URL of the management API of its connections. */
  socketUrl: 'ANIMA_SOCKET_URL',
  connectionsUrl: 'ANIMA_CONNECTIONS_URL',
  /** Function that sends frames and push notices. */
  notifierFunction: 'ANIMA_NOTIFIER_FUNCTION',
  /** Function of the routes of approvals, which wakes owners' devices when the sealer finds tripwires. */
  approvalsFunction: 'ANIMA_APPROVALS_FUNCTION',
  /** KMS key (ECC_NIST_P256, SIGN_VERIFY) that signs push notices (RFC 8292). */
  pushKeyId: 'ANIMA_PUSH_KEY_ID',
  /** Base URL that replaces the providers' APIs. Set only in the local vault. */
  providerApis: 'ANIMA_PROVIDER_APIS',
  /**
   * `1` marks the ids of new organizations as ids of a local vault (local-orgs.ts), and lets the broker send values to
   * loopback addresses that their rules name. Set only in the local vault.
   */
  localOrgs: 'ANIMA_LOCAL_ORGS',
  /**
   * Which function has permission to do what with keys and tables, according to the deployment's policies. Generated at
   * synthesis for `explain`.
   */
  grants: 'ANIMA_GRANTS',
  /** DNS suffix of the partition in which the function is deployed, e.g. `amazonaws.com`. */
  dnsSuffix: 'ANIMA_DNS_SUFFIX',
  /** `true` selects FIPS or dual-stack endpoints. The AWS SDK reads the same variables. */
  fipsEndpoints: 'AWS_USE_FIPS_ENDPOINT',
  dualStackEndpoints: 'AWS_USE_DUALSTACK_ENDPOINT',
  stage: 'ANIMA_STAGE',
} as const;

/** Environment variables of the client. */
export const clientEnv = {
  /** The API key. */
  apiKey: 'ANIMA_KEY',
  /** URL of the vault, e.g. `https://abc.execute-api.eu-central-1.amazonaws.com`. */
  url: 'ANIMA_URL',
  /**
   * The login of an identity of another system: organization, slash, id of the login. Used if there is no key. The other
   * two select the identity, and the file that holds its token.
   */
  login: 'ANIMA_LOGIN',
  identity: 'ANIMA_IDENTITY',
  identityTokenFile: 'ANIMA_IDENTITY_TOKEN_FILE',
  /** The token of a GitLab job (`id_tokens`). */
  identityToken: 'ANIMA_ID_TOKEN',
  /** The invite of a device of session custody, for programs without a person. */
  invite: 'ANIMA_INVITE',
} as const;

/** An admin key, for the examples of the documents that manage users or devices. Only these read it. */
export const exampleAdminKeyEnv = 'ANIMA_ADMIN_KEY';

/** Default address of the local vault, also used by the client when none is configured. */
export const localPort = 8787;
export const localUrl = `http://127.0.0.1:${localPort}`;

/**
 * Key prefixes in the locked bucket: `marks/<org>`, `directories/<org>`, and
 * `heads/<org>/<number of the seal in 12 digits>`.
 */
export const orgMarkPrefix = 'marks/';
export const directoryMarkPrefix = 'directories/';
export const auditHeadPrefix = 'heads/';

/** Alias of every function, which all callers invoke. A deployment moves it to the new version. */
export const functionAlias = 'live';

/** The session tag that names the org and so limits what an assumed role can access. */
export const orgSessionTag = 'org';

/**
 * Maximum time that a function runs for one request, seconds. No request runs longer, which the retirement of DEKs
 * relies on.
 */
export const functionTimeoutSeconds = 15;

/**
 * Maximum time that the worker takes for one message, seconds, including the time that a responder takes. The worker
 * uses no DEK of an org.
 */
export const workerTimeoutSeconds = 60;

/** Maximum time that a job stays in the queue, seconds. After that, it is lost. */
export const jobRetentionSeconds = 4 * 3_600;

/**
 * Prefix of the values in an org's vault that hold the secrets of its channels; the name of the channel follows it. All
 * names under this prefix are reserved (roles.ts, rolesWithReservedNames).
 */
export const channelSecretsPrefix = 'channels/';

/**
 * The session cookie. The prefix `__Host-` restricts it to TLS, to this host, and to the path `/` (RFC 6265bis section
 * 4.1.3).
 */
export const sessionCookie = '__Host-anima';

/** Index of the audit table by `mark`, with which the sealer finds the orgs that have new records. */
export const auditMarkIndex = 'byMark';

/** Key of the item in the audit table in which the sealer stores its progress. No org can have this id. */
export const sealerProgressKey = { org: '#sealer', id: '#swept' } as const;

/**
 * Prefix of the partition keys, in the table of mailboxes, of the items that lead from a connection to its device. The id
 * of the connection follows. No org can have such an id.
 */
export const connectionPartitionPrefix = '#connection/';

/**
 * Headers in which a caller states its agent, run and tool call. They are recorded in the audit and used for nothing
 * else.
 */
export const callerHeaders = {
  agent: 'x-anima-agent',
  run: 'x-anima-run',
  toolCall: 'x-anima-tool-call',
} as const;

/**
 * Header that the distribution of the link page adds to its requests to the API. Its value is a secret, so its presence
 * proves that CloudFront sent the request.
 */
export const originSecretHeader = 'x-anima-origin';

/** Header in which CloudFront sends the address and port of the viewer. Anyone else can send it too. */
export const viewerAddressHeader = 'cloudfront-viewer-address';

/** Types of the custom resources that the publisher function provides. */
export const customResources = { page: 'Custom::VaultPage', originSecret: 'Custom::VaultOriginSecret' } as const;

/** Default ports of the local vault for the page that opens links, its object store and its WebSocket API. */
export const localPagePort = 8788;
export const localObjectPort = 8789;
export const localSocketPort = 8790;

/**
 * Object tag by which lifecycle rules decide how long an object is kept (docs/blobs.md): `unfinished`, a number of days
 * from `objectLifetimeDays`, or `kept`.
 */
export const objectLifetimeTag = 'lifetime';
export const unfinishedLifetimeValue = 'unfinished';
export const keptLifetimeValue = 'kept';
/** Folder of the files of messages in the bucket of blobs: `<org>/media/…`. No blob has this ID. */
export const mediaKeyFolder = 'media';
/** Days after which objects are removed. A blob gets the smallest value that is not shorter than its own lifetime. */
export const objectLifetimeDays = [2, 8, 31, 91, 366] as const;
/** Days after which the attachment of a message is removed: one of `objectLifetimeDays`. */
export const sessionAttachmentDays = 31;
/** Days after which an unfinished upload is removed: longer than an upload can take. */
export const unfinishedObjectDays = 3;
