/** AWS clients and their timeouts. A call that hangs must end well before the function's timeout. */
import { BackupClient } from '@aws-sdk/client-backup';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { STSClient } from '@aws-sdk/client-sts';
import { OrgLruCache, OrgSessions } from './org-sessions.ts';

/** Returns a client that acts for one org. */
type ClientForOrg<Client> = (org: string) => Client;

/**
 * Three attempts of at most two seconds each. A write needs one read and one write, so it ends within the function's 15
 * seconds and the caller gets a response.
 */
const clientLimits = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 2000, throwOnRequestTimeout: true },
};

/** Limits for creating a session, which must fit into those 15 seconds together with the read and the write. */
const stsClientLimits = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 1000, throwOnRequestTimeout: true },
};

/** Sessions of a role by org; undefined without a role. @param presignMarginSeconds as in OrgSessions */
export const createOrgSessions = (
  roleArn: string | undefined,
  presignMarginSeconds: number,
): OrgSessions | undefined =>
  roleArn === undefined || roleArn === ''
    ? undefined
    : new OrgSessions(new STSClient(stsClientLimits), roleArn, presignMarginSeconds);

/**
 * DynamoDB clients that use the org's session. Without sessions, one client with the function's own role serves all
 * orgs.
 */
export function createOrgDynamoClients(sessions: OrgSessions | undefined): ClientForOrg<DynamoDBClient> {
  const sharedClient = new DynamoDBClient(clientLimits);
  if (sessions === undefined) return () => sharedClient;
  // All clients share one connection pool. Connections carry signed requests and belong to no org.
  const { requestHandler } = sharedClient.config;
  const clients = new OrgLruCache(
    (org) => new DynamoDBClient({ ...clientLimits, requestHandler, credentials: sessions.credentialsFor(org) }),
  );
  return (org) => clients.getOrCreate(org);
}

/** KMS clients, as createOrgDynamoClients. */
export function createOrgKmsClients(sessions: OrgSessions | undefined): ClientForOrg<KMSClient> {
  const sharedClient = new KMSClient(clientLimits);
  if (sessions === undefined) return () => sharedClient;
  const { requestHandler } = sharedClient.config;
  const clients = new OrgLruCache(
    (org) => new KMSClient({ ...clientLimits, requestHandler, credentials: sessions.credentialsFor(org) }),
  );
  return (org) => clients.getOrCreate(org);
}

/**
 * S3 clients, as createOrgDynamoClients. Presigned requests contain only the checksum that the caller gives. The SDK's
 * default checksum would be computed over a body that the client does not have.
 */
export function createOrgS3Clients(sessions: OrgSessions | undefined): ClientForOrg<S3Client> {
  const settings = {
    ...clientLimits,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  } as const;
  const sharedClient = new S3Client(settings);
  if (sessions === undefined) return () => sharedClient;
  const { requestHandler } = sharedClient.config;
  const clients = new OrgLruCache(
    (org) => new S3Client({ ...settings, requestHandler, credentials: sessions.credentialsFor(org) }),
  );
  return (org) => clients.getOrCreate(org);
}

/** KMS client with the function's own role, for keys that belong to no org. */
export const createKmsClient = (): KMSClient => new KMSClient(clientLimits);

/** S3 client with the function's own role, for objects that belong to no org. */
export const createS3Client = (): S3Client => new S3Client(clientLimits);

/** Clients that list backups of tables, with the function's own role, because backups belong to no org. */
export const createBackupClients = () => ({
  dynamo: new DynamoDBClient(clientLimits),
  backup: new BackupClient(clientLimits),
});

/** Lambda client for asynchronous invocations. */
export const createLambdaClient = (): LambdaClient => new LambdaClient(clientLimits);

/**
 * Lambda client for synchronous invocations. One attempt only, because the first one may still be running. The
 * remaining time is for the response.
 */
export const createSyncLambdaClient = (): LambdaClient =>
  new LambdaClient({
    ...clientLimits,
    maxAttempts: 1,
    requestHandler: { ...clientLimits.requestHandler, requestTimeout: 10_000 },
  });

/**
 * Lambda client for the responder, which may take long. One attempt only, because the responder may have side effects.
 * The worker's remaining time is for sending its reply.
 */
export const createResponderLambdaClient = (): LambdaClient =>
  new LambdaClient({
    ...clientLimits,
    maxAttempts: 1,
    requestHandler: { ...clientLimits.requestHandler, requestTimeout: 35_000 },
  });

/** SQS client with the function's own role, because all orgs share one queue. Its messages are encrypted. */
export const createSqsClient = (): SQSClient => new SQSClient(clientLimits);
