/** The AWS clients, configured once: a call that hangs must end well before the function does. */
import { BackupClient } from '@aws-sdk/client-backup';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { STSClient } from '@aws-sdk/client-sts';
import { PerOrg, Sessions } from './org-scoped-sessions.ts';

/** A client that acts for one org. */
type ClientOf<Client> = (org: string) => Client;

/**
 * Three attempts of at most two seconds each, so that a write (one read, one write) ends within the function's 15 seconds
 * and its caller is told so.
 */
const limits = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 2000, throwOnRequestTimeout: true },
};

/** What a cold session may take of those 15 seconds beside the read and the write. */
const stsLimits = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 1000, throwOnRequestTimeout: true },
};

/** Sessions of a role, by org; undefined without a role. @param spareSeconds as of `Sessions` */
export const sessionsOf = (roleArn: string | undefined, spareSeconds: number): Sessions | undefined =>
  roleArn === undefined || roleArn === '' ? undefined : new Sessions(new STSClient(stsLimits), roleArn, spareSeconds);

/** DynamoDB for each org by its own session; without sessions, one client of the function's own role for all. */
export function dynamoClients(sessions: Sessions | undefined): ClientOf<DynamoDBClient> {
  const first = new DynamoDBClient(limits);
  if (sessions === undefined) return () => first;
  // One pool of connections for all: they carry signed requests, and belong to no org.
  const { requestHandler } = first.config;
  const clients = new PerOrg((org) => new DynamoDBClient({ ...limits, requestHandler, credentials: sessions.of(org) }));
  return (org) => clients.of(org);
}

/** KMS, as `dynamoClients`. */
export function kmsClients(sessions: Sessions | undefined): ClientOf<KMSClient> {
  const first = new KMSClient(limits);
  if (sessions === undefined) return () => first;
  const { requestHandler } = first.config;
  const clients = new PerOrg((org) => new KMSClient({ ...limits, requestHandler, credentials: sessions.of(org) }));
  return (org) => clients.of(org);
}

/**
 * S3, as `dynamoClients`. What it signs for others to send carries only the checksum that it is given: one of its own would be of
 * a body that it has not.
 */
export function objectClients(sessions: Sessions | undefined): ClientOf<S3Client> {
  const settings = {
    ...limits,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  } as const;
  const first = new S3Client(settings);
  if (sessions === undefined) return () => first;
  const { requestHandler } = first.config;
  const clients = new PerOrg((org) => new S3Client({ ...settings, requestHandler, credentials: sessions.of(org) }));
  return (org) => clients.of(org);
}

/** KMS by the function's own role, for keys that belong to no org. */
export const ownKmsClient = (): KMSClient => new KMSClient(limits);

/** S3 by the function's own role, for what belongs to no org. */
export const ownS3Client = (): S3Client => new S3Client(limits);

/** What lists the copies of tables, by the function's own role: lists of backups belong to no org. */
export const copyClients = () => ({ dynamo: new DynamoDBClient(limits), backup: new BackupClient(limits) });

/** Lambda, to start what goes on by itself. */
export const lambdaClient = (): LambdaClient => new LambdaClient(limits);

/** Lambda for an invocation whose end is waited for: once only, since the first may still run; what is left is for the answer. */
export const waitingLambdaClient = (): LambdaClient =>
  new LambdaClient({ ...limits, maxAttempts: 1, requestHandler: { ...limits.requestHandler, requestTimeout: 10_000 } });

/** Lambda for a responder, which may think: once only, since it may do something besides; what is left of the worker's time is for its answer. */
export const responderClient = (): LambdaClient =>
  new LambdaClient({ ...limits, maxAttempts: 1, requestHandler: { ...limits.requestHandler, requestTimeout: 35_000 } });

/** SQS by the function's own role: the queue is one for all orgs, and what goes through it is sealed. */
export const sqsClient = (): SQSClient => new SQSClient(limits);
