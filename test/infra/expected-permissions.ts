/**
 * Who may do what, said a second time and by hand: `<resource> <action>` for every function. `data` is what its session
 * role may do, for the org of the session alone; `own` what its own role may do beside that, for no org. Its log, and the
 * assumption of its session role, are tested by themselves.
 */
import type { BackgroundFunction, RouteGroup } from '../../contract/routes.ts';
import type { JobKind } from '../../core/jobs/job-envelope.ts';

interface Permissions {
  readonly data: readonly string[];
  readonly own: readonly string[];
}

/** The record of the request, which every function leaves that knows its callers. */
const record = 'audit dynamodb:PutItem';

/** What every request with an API key reads in one round trip, and the hour of the key's last use, which it notes. */
const authentication = ['apiKey dynamodb:BatchGetItem', 'apiKey dynamodb:UpdateItem', 'keyring dynamodb:BatchGetItem'];

/** Which copies of the keyring table exist; of these actions IAM can limit the last alone to a table. */
const lookingForCopies = [
  'anything backup:ListRecoveryPointsByResource',
  'anything dynamodb:ListBackups',
  'keyring dynamodb:DescribeContinuousBackups',
  'userKeyring dynamodb:DescribeContinuousBackups',
];

/** What a session may do with the folder of its org, in the bucket of blobs. */
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

/** A job handed to the worker: a key for it by the session of the org, the queue by the function's own role. */
const newJob = 'transitKey kms:GenerateDataKey';
const handingOn = 'job sqs:SendMessage';

/** Of what kind they may be: a message is what a provider has vouched for. */
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
  // Which orgs have new records is asked before there is an org to act for: by the index, and by items of no org.
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
