/** The AWS clients, configured once: a call that hangs must end well before the function does. */
import { BackupClient } from '@aws-sdk/client-backup';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { STSClient } from '@aws-sdk/client-sts';
import { OrgLruCache, OrgSessions } from './org-sessions.ts';

/** A client that acts for one org. */
type ClientForOrg<Client> = (org: string) => Client;

/**
 * Three attempts of at most two seconds each, so that a write (one read, one write) ends within the function's 15 seconds
 * and its caller is told so.
 */
const clientLimits = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 2000, throwOnRequestTimeout: true },
};

/** What a cold session may take of those 15 seconds beside the read and the write. */
const stsClientLimits = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 1000, throwOnRequestTimeout: true },
};

/** Sessions of a role, by org; undefined without a role. @param presignMarginSeconds as of `Sessions` */
export const createOrgSessions = (
  roleArn: string | undefined,
  presignMarginSeconds: number,
): OrgSessions | undefined =>
  roleArn === undefined || roleArn === ''
    ? undefined
    : new OrgSessions(new STSClient(stsClientLimits), roleArn, presignMarginSeconds);

/** DynamoDB for each org by its own session; without sessions, one client of the function's own role for all. */
export function createOrgDynamoClients(sessions: OrgSessions | undefined): ClientForOrg<DynamoDBClient> {
  const sharedClient = new DynamoDBClient(clientLimits);
  if (sessions === undefined) return () => sharedClient;
  // One pool of connections for all: they carry signed requests, and belong to no org.
  const { requestHandler } = sharedClient.config;
  const clients = new OrgLruCache(
    (org) => new DynamoDBClient({ ...clientLimits, requestHandler, credentials: sessions.credentialsFor(org) }),
  );
  return (org) => clients.getOrCreate(org);
}

/** KMS, as `dynamoClients`. */
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
 * S3, as `dynamoClients`. What it signs for others to send carries only the checksum that it is given: one of its own would be of
 * a body that it has not.
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

/** KMS by the function's own role, for keys that belong to no org. */
export const createKmsClient = (): KMSClient => new KMSClient(clientLimits);

/** S3 by the function's own role, for what belongs to no org. */
export const createS3Client = (): S3Client => new S3Client(clientLimits);

/** What lists the copies of tables, by the function's own role: lists of backups belong to no org. */
export const createBackupClients = () => ({
  dynamo: new DynamoDBClient(clientLimits),
  backup: new BackupClient(clientLimits),
});

/** Lambda, to start what goes on by itself. */
export const createLambdaClient = (): LambdaClient => new LambdaClient(clientLimits);

/** Lambda for an invocation whose end is waited for: once only, since the first may still run; what is left is for the answer. */
export const createSyncLambdaClient = (): LambdaClient =>
  new LambdaClient({
    ...clientLimits,
    maxAttempts: 1,
    requestHandler: { ...clientLimits.requestHandler, requestTimeout: 10_000 },
  });

/** Lambda for a responder, which may think: once only, since it may do something besides; what is left of the worker's time is for its answer. */
export const createResponderLambdaClient = (): LambdaClient =>
  new LambdaClient({
    ...clientLimits,
    maxAttempts: 1,
    requestHandler: { ...clientLimits.requestHandler, requestTimeout: 35_000 },
  });

/** SQS by the function's own role: the queue is one for all orgs, and what goes through it is sealed. */
export const createSqsClient = (): SQSClient => new SQSClient(clientLimits);
