/**
 * The expected permissions of every function as `<resource> <action>`, maintained by hand. `data` has the permissions
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

const destroyingUsers = [
  'userKeyring dynamodb:DeleteItem',
  'userKeyring dynamodb:Query',
  'userRecord dynamodb:DeleteItem',
  'userRecord dynamodb:Query',
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

const signing = ['signingKey kms:GetPublicKey', 'signingKey kms:Sign'];

export const permissions: Readonly<Record<RouteGroup | BackgroundFunction, Permissions>> = {
  public: { data: [], own: ['signingKey kms:GetPublicKey'] },
  operator: { data: ['apiKey dynamodb:PutItem', record, 'keyring dynamodb:PutItem'], own: [] },
  admin: {
    data: [
      ...authentication,
      'apiKey dynamodb:GetItem',
      'apiKey dynamodb:PutItem',
      'apiKey dynamodb:Query',
      record,
      'kek kms:Decrypt',
      'keyring dynamodb:GetItem',
    ],
    own: [],
  },
  reader: {
    data: [...authentication, record, 'kek kms:Decrypt', 'value dynamodb:BatchGetItem', 'value dynamodb:Query'],
    own: [],
  },
  writer: {
    data: [
      ...authentication,
      record,
      'kek kms:Decrypt',
      'kek kms:GenerateDataKey',
      'keyring dynamodb:PutItem',
      'value dynamodb:BatchGetItem',
      'value dynamodb:DeleteItem',
      'value dynamodb:PutItem',
    ],
    own: [],
  },
  rotator: {
    data: [
      ...authentication,
      record,
      'kek kms:Decrypt',
      'kek kms:GenerateDataKey',
      'keyring dynamodb:GetItem',
      'keyring dynamodb:PutItem',
      'rotation dynamodb:GetItem',
    ],
    own: ['rotation-workflow lambda:InvokeFunction'],
  },
  shredder: {
    data: [
      ...authentication,
      record,
      ...destroyingBlobs,
      ...destroyingUsers,
      'keyring dynamodb:GetItem',
      'keyring dynamodb:PutItem',
      'value dynamodb:BatchGetItem',
      'value dynamodb:DeleteItem',
      'value dynamodb:Query',
    ],
    own: [
      ...lookingForCopies,
      'shred-workflow lambda:InvokeFunction',
      ...signing,
      'value dynamodb:DescribeContinuousBackups',
    ],
  },
  auditor: {
    data: [...authentication, 'audit dynamodb:Query', record],
    own: ['sealer lambda:InvokeFunction'],
  },
  blobs: {
    data: [
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
    own: [],
  },
  links: {
    data: [
      record,
      'blob dynamodb:BatchGetItem',
      'blob dynamodb:UpdateItem',
      'keyring dynamodb:BatchGetItem',
      'object s3:DeleteObject',
      'object s3:GetObject',
      'object s3:PutObjectTagging',
    ],
    own: [],
  },
  users: {
    data: [
      ...authentication,
      record,
      newJob,
      'userKeyring dynamodb:DeleteItem',
      'userKeyring dynamodb:GetItem',
      'userKeyring dynamodb:PutItem',
      'userKeyring dynamodb:Query',
      'userKeyring dynamodb:UpdateItem',
    ],
    own: [handingOn],
  },
  accounts: {
    data: [
      record,
      newJob,
      'keyring dynamodb:BatchGetItem',
      'userKeyring dynamodb:BatchGetItem',
      'userKeyring dynamodb:DeleteItem',
      'userKeyring dynamodb:GetItem',
      'userKeyring dynamodb:PutItem',
      'userKeyring dynamodb:UpdateItem',
    ],
    own: ['codeKey kms:GenerateMac', handingOn, 'routingKey kms:GenerateMac'],
  },
  memory: {
    data: [
      record,
      'keyring dynamodb:BatchGetItem',
      'userKeyring dynamodb:BatchGetItem',
      'userRecord dynamodb:BatchGetItem',
      'userRecord dynamodb:DeleteItem',
      'userRecord dynamodb:PutItem',
      'userRecord dynamodb:Query',
    ],
    own: [],
  },
  webhooks: {
    data: [record, newJob, 'delivery dynamodb:UpdateItem'],
    own: [handingOn, 'provider-secrets lambda:InvokeFunction', 'routingKey kms:GenerateMac'],
  },
  explainer: {
    data: [
      ...authentication,
      'apiKey dynamodb:Query',
      record,
      'blob dynamodb:GetItem',
      'userKeyring dynamodb:BatchGetItem',
      'userRecord dynamodb:BatchGetItem',
      'value dynamodb:GetItem',
    ],
    own: [],
  },
  'rotation-workflow': {
    data: [
      'kek kms:Decrypt',
      'kek kms:GenerateDataKey',
      'kek kms:ReEncryptFrom',
      'kek kms:ReEncryptTo',
      'keyring dynamodb:GetItem',
      'keyring dynamodb:PutItem',
      'rotation dynamodb:GetItem',
      'rotation dynamodb:UpdateItem',
      'value dynamodb:GetItem',
      'value dynamodb:Query',
      'value dynamodb:UpdateItem',
    ],
    own: ['rotation-workflow lambda:CheckpointDurableExecution', 'rotation-workflow lambda:GetDurableExecutionState'],
  },
  'shred-workflow': {
    data: [
      ...destroyingBlobs,
      ...destroyingUsers,
      'keyring dynamodb:GetItem',
      'keyring dynamodb:PutItem',
      'value dynamodb:Query',
    ],
    own: [
      ...lookingForCopies,
      'shred-workflow lambda:CheckpointDurableExecution',
      'shred-workflow lambda:GetDurableExecutionState',
      ...signing,
    ],
  },
  // The orgs with new records are determined before there is a session: from the index and from items without an org.
  sealer: {
    data: ['audit dynamodb:Query', record],
    own: ['audit dynamodb:GetItem', record, 'audit dynamodb:Query', ...signing],
  },
  publisher: { data: [], own: ['page s3:PutObject'] },
  'provider-secrets': {
    data: ['kek kms:Decrypt', 'keyring dynamodb:BatchGetItem', 'value dynamodb:BatchGetItem'],
    own: [],
  },
  worker: {
    data: [
      record,
      newJob,
      'keyring dynamodb:BatchGetItem',
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
