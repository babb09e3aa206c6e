/** AWS SDK clients for rare operations, and their timeouts. Operations of requests use the clients of clients.ts. */
import { BackupClient } from '@aws-sdk/client-backup';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { sdkLimits } from './call-limits.ts';
import type { ClientForOrg } from './clients.ts';
import { OrgLruCache, type OrgSessions } from './org-sessions.ts';

/**
 * KMS clients that use the org's session. Without sessions, one client with the function's own role serves all orgs. All
 * clients share one connection pool. Connections carry signed requests and belong to no org.
 */
export function createOrgKmsSdkClients(sessions: OrgSessions | undefined): ClientForOrg<KMSClient> {
  const sharedClient = new KMSClient(sdkLimits);
  if (sessions === undefined) return () => sharedClient;
  const { requestHandler } = sharedClient.config;
  const clients = new OrgLruCache(
    (org) => new KMSClient({ ...sdkLimits, requestHandler, credentials: sessions.credentialsFor(org) }),
  );
  return (org) => clients.getOrCreate(org);
}

/**
 * S3 clients, as createOrgKmsSdkClients. Presigned requests contain only the checksum that the caller gives. The SDK's
 * default checksum would be computed over a body that the client does not have.
 */
export function createOrgS3Clients(sessions: OrgSessions | undefined): ClientForOrg<S3Client> {
  const settings = {
    ...sdkLimits,
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
export const createKmsSdkClient = (): KMSClient => new KMSClient(sdkLimits);

/** S3 client with the function's own role, for objects that belong to no org. */
export const createS3Client = (): S3Client => new S3Client(sdkLimits);

/** Clients that list backups of tables, with the function's own role, because backups belong to no org. */
export const createBackupClients = () => ({
  dynamo: new DynamoDBClient(sdkLimits),
  backup: new BackupClient(sdkLimits),
});

/** SQS client with the function's own role, because all orgs share one queue. Its messages are encrypted. */
export const createSqsClient = (): SQSClient =>
  // The host of a queue URL is the standard endpoint, also if the deployment selects others.
  new SQSClient({ ...sdkLimits, useQueueUrlAsEndpoint: false });
