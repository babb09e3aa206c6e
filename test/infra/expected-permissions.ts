/**
 * The expected permissions of every function as `<resource> <action>`, maintained by hand. `locked` is the
 * bucket of marks and heads of the audit. `data` has the permissions
 * of the session role, which are limited to the org of the session. `own` has the permissions of the function's own
 * role, which do not concern an org. Logging and the assumption of the session role are tested separately.
 */
import type { BackgroundFunction, RouteGroup } from '../../contract/routes.ts';
import type { JobKind } from '../../core/jobs/job-envelope.ts';

interface Permissions {
  readonly data: readonly string[];
  readonly own: readonly string[];
}

/** The audit record of a request. Every function that authenticates callers adds one. */
const record = 'audit dynamodb:PutItem';

/** Every request with an API key reads these items in one round trip and updates the hour of the key's last use. */
const authentication = ['apiKey dynamodb:BatchGetItem', 'apiKey dynamodb:UpdateItem', 'keyring dynamodb:BatchGetItem'];

/** The actions that list copies of the keyring table. IAM can limit only the last one to a table. */
const lookingForCopies = [
  'anything backup:ListRecoveryPointsByResource',
  'anything dynamodb:ListBackups',
  'keyring dynamodb:DescribeContinuousBackups',
  'userKeyring dynamodb:DescribeContinuousBackups',
];

/** The permissions of a session on its org's folder in the blob bucket. */
const destroyingBlobs = [
  'blob dynamodb:DeleteItem',
  'blob dynamodb:Query',
  'object s3:AbortMultipartUpload',
  'object s3:DeleteObject',
  'object s3:ListBucket',
];

const destroyingDeviceVaults = [
  'deviceLog dynamodb:DeleteItem',
  'deviceLog dynamodb:Query',
  'deviceRoster dynamodb:DeleteItem',
  'deviceRoster dynamodb:Query',
];

const destroyingSessions = [
  'directory dynamodb:DeleteItem',
  'directory dynamodb:Query',
  'mailbox dynamodb:DeleteItem',
  'mailbox dynamodb:Query',
  'brokerRecord dynamodb:DeleteItem',
  'brokerRecord dynamodb:Query',
  'approval dynamodb:DeleteItem',
  'approval dynamodb:Query',
  'secretRequest dynamodb:DeleteItem',
  'secretRequest dynamodb:Query',
];

const destroyingUsers = [
  'userKeyring dynamodb:DeleteItem',
  'userKeyring dynamodb:Query',
  'userRecord dynamodb:DeleteItem',
  'userRecord dynamodb:Query',
  ...destroyingDeviceVaults,
];

/** Sending a job: the session of the org generates its key, and the function's own role sends it to the queue. */
const newJob = 'transitKey kms:GenerateDataKey';
const handingOn = 'job sqs:SendMessage';

/**
 * The kinds of jobs that each function is allowed to create. Only the function that verifies providers creates
 * messages.
 */
export const jobsMade: Readonly<Partial<Record<RouteGroup | BackgroundFunction, readonly JobKind[]>>> = {
  users: ['erase'],
  accounts: ['erase'],
  webhooks: ['message'],
  worker: ['erase'],
};

/**
 * The key that authenticates records. HMAC operations have no encryption context, so no session can be limited to it.
 */
const authenticatingRecords = 'recordsKey kms:GenerateMac';
const readingMark = 'locked s3:GetObject';
const writingMark = ['locked s3:GetObject', 'locked s3:PutObject'];

/** For events of asynchronous invocations that failed finally. */
const reportingFailure = 'failure sqs:SendMessage';
/** Sends frames and push notices. The relay, the directory, the broker and the function of approvals tell it about them. */
const notifying = 'notifier lambda:InvokeFunction';
/** On the items that lead from a connection to its device, which belong to no org. */
const connectionOwners = ['mailbox dynamodb:DeleteItem', 'mailbox dynamodb:GetItem', 'mailbox dynamodb:PutItem'];
const signing = ['signingKey kms:GetPublicKey', 'signingKey kms:Sign'];

export const permissions: Readonly<Record<RouteGroup | BackgroundFunction, Permissions>> = {
  public: { data: [], own: ['pushKey kms:GetPublicKey', 'signingKey kms:GetPublicKey'] },
  operator: {
    data: [...writingMark, 'apiKey dynamodb:PutItem', record, 'keyring dynamodb:PutItem'],
    own: [authenticatingRecords],
  },
  admin: {
    data: [
      ...authentication,
      'apiKey dynamodb:GetItem',
      'apiKey dynamodb:PutItem',
      'apiKey dynamodb:Query',
      'login dynamodb:DeleteItem',
      'login dynamodb:GetItem',
      'login dynamodb:PutItem',
      'login dynamodb:Query',
      record,
      ...writingMark,
    ],
    own: [authenticatingRecords],
  },
  reader: {
    data: [
      readingMark,
      ...authentication,
      record,
      'kek kms:Decrypt',
      'value dynamodb:BatchGetItem',
      'value dynamodb:Query',
    ],
    own: [authenticatingRecords],
  },
  writer: {
    data: [
      readingMark,
      ...authentication,
      record,
      'kek kms:Decrypt',
      'kek kms:GenerateDataKeyWithoutPlaintext',
      'keyring dynamodb:PutItem',
      'value dynamodb:BatchGetItem',
      'value dynamodb:DeleteItem',
      'value dynamodb:PutItem',
    ],
    own: [authenticatingRecords],
  },
  // It can replace the mark of a directory, and read the one of an org.
  broker: {
    data: [
      readingMark,
      ...writingMark,
      'approval dynamodb:BatchGetItem',
      'approval dynamodb:DeleteItem',
      'approval dynamodb:GetItem',
      'approval dynamodb:PutItem',
      'approval dynamodb:UpdateItem',
      'directory dynamodb:BatchGetItem',
      'directory dynamodb:GetItem',
      'directory dynamodb:Query',
      ...authentication,
      record,
      'kek kms:Decrypt',
      'value dynamodb:BatchGetItem',
      'value dynamodb:DeleteItem',
      'value dynamodb:PutItem',
      'brokerRecord dynamodb:GetItem',
      'brokerRecord dynamodb:PutItem',
      'brokerRecord dynamodb:UpdateItem',
    ],
    own: [authenticatingRecords, 'brokerKey kms:GenerateMac', notifying],
  },
  rotator: {
    data: [
      readingMark,
      ...authentication,
      record,
      'kek kms:Decrypt',
      'kek kms:GenerateDataKeyWithoutPlaintext',
      'keyring dynamodb:GetItem',
      'keyring dynamodb:PutItem',
      'rotation dynamodb:GetItem',
    ],
    own: [
      authenticatingRecords,
      'rotation-workflow lambda:InvokeFunction',
      'rotation-workflow lambda:GetDurableExecution',
    ],
  },
  shredder: {
    data: [
      ...writingMark,
      ...authentication,
      record,
      ...destroyingBlobs,
      ...destroyingUsers,
      ...destroyingSessions,
      'keyring dynamodb:GetItem',
      'keyring dynamodb:PutItem',
      'value dynamodb:BatchGetItem',
      'value dynamodb:DeleteItem',
      'value dynamodb:Query',
    ],
    own: [
      authenticatingRecords,
      ...lookingForCopies,
      'shred-workflow lambda:InvokeFunction',
      'shred-workflow lambda:GetDurableExecution',
      ...signing,
      'value dynamodb:DescribeContinuousBackups',
    ],
  },
  auditor: {
    data: [
      readingMark,
      ...authentication,
      'audit dynamodb:Query',
      'locked s3:GetObjectVersion',
      'locked s3:ListBucketVersions',
      record,
    ],
    own: [authenticatingRecords, 'sealer lambda:InvokeFunction', 'signingKey kms:GetPublicKey'],
  },
  blobs: {
    data: [
      readingMark,
      ...authentication,
      record,
      'blob dynamodb:DeleteItem',
      'blob dynamodb:GetItem',
      'blob dynamodb:PutItem',
      'blob dynamodb:Query',
      'blob dynamodb:UpdateItem',
      'object s3:AbortMultipartUpload',
      'object s3:DeleteObject',
      'object s3:GetObject',
      'object s3:ListMultipartUploadParts',
      'object s3:PutObject',
      'object s3:PutObjectTagging',
    ],
    own: [authenticatingRecords],
  },
  links: {
    data: [
      readingMark,
      record,
      'blob dynamodb:BatchGetItem',
      'blob dynamodb:UpdateItem',
      'keyring dynamodb:BatchGetItem',
      'object s3:DeleteObject',
      'object s3:GetObject',
      'object s3:PutObjectTagging',
    ],
    own: [authenticatingRecords],
  },
  users: {
    data: [
      readingMark,
      ...authentication,
      record,
      newJob,
      'userKeyring dynamodb:DeleteItem',
      'userKeyring dynamodb:GetItem',
      'userKeyring dynamodb:PutItem',
      'userKeyring dynamodb:Query',
      'userKeyring dynamodb:UpdateItem',
    ],
    own: [authenticatingRecords, handingOn],
  },
  accounts: {
    data: [
      readingMark,
      record,
      newJob,
      'keyring dynamodb:BatchGetItem',
      'userKeyring dynamodb:BatchGetItem',
      'userKeyring dynamodb:DeleteItem',
      'userKeyring dynamodb:GetItem',
      'userKeyring dynamodb:PutItem',
      'userKeyring dynamodb:UpdateItem',
    ],
    own: [authenticatingRecords, 'codeKey kms:GenerateMac', handingOn, 'routingKey kms:GenerateMac'],
  },
  memory: {
    data: [
      readingMark,
      record,
      'keyring dynamodb:BatchGetItem',
      'object s3:GetObject',
      'userKeyring dynamodb:BatchGetItem',
      'userRecord dynamodb:BatchGetItem',
      'userRecord dynamodb:DeleteItem',
      'userRecord dynamodb:PutItem',
      'userRecord dynamodb:Query',
    ],
    own: [authenticatingRecords],
  },
  // The only KMS permission of these three is the one that authenticates records.
  directory: {
    data: [
      readingMark,
      ...authentication,
      record,
      'directory dynamodb:BatchGetItem',
      'directory dynamodb:DeleteItem',
      'directory dynamodb:GetItem',
      'directory dynamodb:PutItem',
      'directory dynamodb:Query',
      'directory dynamodb:UpdateItem',
      'mailbox dynamodb:DeleteItem',
      'mailbox dynamodb:Query',
    ],
    own: [authenticatingRecords, notifying],
  },
  relay: {
    data: [
      readingMark,
      'directory dynamodb:BatchGetItem',
      'directory dynamodb:GetItem',
      'directory dynamodb:Query',
      'keyring dynamodb:BatchGetItem',
      'mailbox dynamodb:BatchGetItem',
      'mailbox dynamodb:DeleteItem',
      'mailbox dynamodb:PutItem',
      'mailbox dynamodb:Query',
      'mailbox dynamodb:UpdateItem',
      'object s3:GetObject',
      'object s3:PutObject',
      'object s3:PutObjectTagging',
    ],
    own: [authenticatingRecords, ...connectionOwners, notifying],
  },
  // It has no key but the one that authenticates records: devices verify questions, and the broker answers.
  approvals: {
    data: [
      readingMark,
      record,
      'approval dynamodb:DeleteItem',
      'approval dynamodb:GetItem',
      'approval dynamodb:PutItem',
      'approval dynamodb:Query',
      'approval dynamodb:UpdateItem',
      'audit dynamodb:Query',
      'directory dynamodb:BatchGetItem',
      'directory dynamodb:GetItem',
      'directory dynamodb:Query',
      'keyring dynamodb:BatchGetItem',
    ],
    own: [authenticatingRecords, notifying],
  },
  // Its only KMS permission is for the key that signs push notices.
  notifier: {
    data: [
      'mailbox dynamodb:BatchGetItem',
      'mailbox dynamodb:DeleteItem',
      'mailbox dynamodb:Query',
      'mailbox dynamodb:UpdateItem',
    ],
    own: ['pushKey kms:GetPublicKey', 'pushKey kms:Sign', 'sockets execute-api:ManageConnections'],
  },
  devices: {
    data: [
      readingMark,
      record,
      'deviceLog dynamodb:DeleteItem',
      'deviceLog dynamodb:GetItem',
      'deviceLog dynamodb:PutItem',
      'deviceLog dynamodb:Query',
      'deviceRoster dynamodb:BatchGetItem',
      'deviceRoster dynamodb:DeleteItem',
      'deviceRoster dynamodb:GetItem',
      'deviceRoster dynamodb:PutItem',
      'deviceRoster dynamodb:Query',
      'deviceRoster dynamodb:UpdateItem',
      'keyring dynamodb:BatchGetItem',
      'userKeyring dynamodb:BatchGetItem',
    ],
    own: [authenticatingRecords],
  },
  webhooks: {
    data: [record, newJob, 'delivery dynamodb:UpdateItem', 'object s3:PutObject', 'object s3:PutObjectTagging'],
    own: [handingOn, 'provider-secrets lambda:InvokeFunction', 'routingKey kms:GenerateMac'],
  },
  explainer: {
    data: [
      readingMark,
      ...authentication,
      'apiKey dynamodb:Query',
      record,
      'blob dynamodb:GetItem',
      'deviceRoster dynamodb:GetItem',
      'directory dynamodb:BatchGetItem',
      'directory dynamodb:GetItem',
      'directory dynamodb:Query',
      'login dynamodb:GetItem',
      'userKeyring dynamodb:BatchGetItem',
      'userRecord dynamodb:BatchGetItem',
      'value dynamodb:GetItem',
    ],
    own: [authenticatingRecords],
  },
  // It creates keys for identities of other systems, and has no permission on values or keyrings.
  logins: {
    data: [readingMark, 'apiKey dynamodb:PutItem', record, 'login dynamodb:GetItem', 'login dynamodb:UpdateItem'],
    own: [authenticatingRecords],
  },
  // It creates values and reads whether a name is taken. It has no permission to read a value.
  'secret-requests': {
    data: [
      readingMark,
      ...authentication,
      record,
      'kek kms:Decrypt',
      'kek kms:GenerateDataKeyWithoutPlaintext',
      'keyring dynamodb:PutItem',
      'value dynamodb:GetItem',
      'value dynamodb:PutItem',
      'secretRequest dynamodb:BatchGetItem',
      'secretRequest dynamodb:PutItem',
      'secretRequest dynamodb:UpdateItem',
    ],
    own: [authenticatingRecords, 'secretRequestKey kms:GenerateMac'],
  },
  'rotation-workflow': {
    data: [
      ...writingMark,
      'kek kms:Decrypt',
      'kek kms:GenerateDataKeyWithoutPlaintext',
      'kek kms:ReEncryptFrom',
      'kek kms:ReEncryptTo',
      'keyring dynamodb:GetItem',
      'keyring dynamodb:PutItem',
      'rotation dynamodb:GetItem',
      'rotation dynamodb:UpdateItem',
      'value dynamodb:DeleteItem',
      'value dynamodb:GetItem',
      'value dynamodb:Query',
      'value dynamodb:UpdateItem',
    ],
    own: [
      authenticatingRecords,
      'rotation-workflow lambda:CheckpointDurableExecution',
      'rotation-workflow lambda:GetDurableExecutionState',
      reportingFailure,
    ],
  },
  'shred-workflow': {
    data: [
      ...writingMark,
      ...destroyingBlobs,
      ...destroyingUsers,
      ...destroyingSessions,
      'keyring dynamodb:GetItem',
      'keyring dynamodb:PutItem',
      'value dynamodb:Query',
    ],
    own: [
      authenticatingRecords,
      ...lookingForCopies,
      'shred-workflow lambda:CheckpointDurableExecution',
      'shred-workflow lambda:GetDurableExecutionState',
      reportingFailure,
      ...signing,
    ],
  },
  // The orgs with new records are determined before there is a session: from the index and from items without an org.
  sealer: {
    data: ['audit dynamodb:Query', 'locked s3:GetObjectVersion', 'locked s3:ListBucketVersions', 'locked s3:PutObject'],
    // Tripwires: it tells the function that knows whom to wake.
    own: [
      'approvals lambda:InvokeFunction',
      'audit dynamodb:GetItem',
      record,
      'audit dynamodb:Query',
      ...signing,
      reportingFailure,
    ],
  },
  publisher: { data: [], own: ['page s3:PutObject'] },
  'provider-secrets': {
    data: [readingMark, 'kek kms:Decrypt', 'keyring dynamodb:BatchGetItem', 'value dynamodb:BatchGetItem'],
    own: [authenticatingRecords],
  },
  worker: {
    data: [
      readingMark,
      record,
      newJob,
      ...destroyingDeviceVaults,
      'keyring dynamodb:BatchGetItem',
      'object s3:DeleteObject',
      'object s3:GetObject',
      'object s3:ListBucket',
      'object s3:PutObject',
      'object s3:PutObjectTagging',
      'transitKey kms:Decrypt',
      'userKeyring dynamodb:BatchGetItem',
      'userKeyring dynamodb:DeleteItem',
      'userKeyring dynamodb:GetItem',
      'userKeyring dynamodb:PutItem',
      'userKeyring dynamodb:UpdateItem',
      'userRecord dynamodb:BatchGetItem',
      'userRecord dynamodb:DeleteItem',
      'userRecord dynamodb:PutItem',
      'userRecord dynamodb:Query',
      'userRecord dynamodb:UpdateItem',
    ],
    own: [
      authenticatingRecords,
      'codeKey kms:GenerateMac',
      'custodyKey kms:GenerateMac',
      'job sqs:DeleteMessage',
      'job sqs:GetQueueAttributes',
      'job sqs:ReceiveMessage',
      handingOn,
      'provider-secrets lambda:InvokeFunction',
      'responder lambda:InvokeFunction',
      'routingKey kms:GenerateMac',
    ],
  },
  responder: { data: [], own: [] },
};
