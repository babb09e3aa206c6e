/**
 * Document clients of the AWS SDK, for items that only rare functions use. In a file of their own, because esbuild keeps
 * the package in each bundle that can reach it (it does not state that it has no side effects).
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { sdkLimits } from './call-limits.ts';
import type { ClientForOrg } from './clients.ts';
import { OrgLruCache, type OrgSessions } from './org-sessions.ts';

/**
 * Document clients convert items to plain objects. Items are untrusted: a number that JavaScript cannot represent must
 * not make the call fail.
 */
const translation = { marshallOptions: { removeUndefinedValues: true }, unmarshallOptions: { wrapNumbers: Number } };

/** A document client with the function's own role, for items that belong to no org. */
export const createDocumentClient = (): DynamoDBDocumentClient =>
  DynamoDBDocumentClient.from(new DynamoDBClient(sdkLimits), translation);

/** As createOrgKmsSdkClients. */
export const createOrgDocumentClients = (sessions: OrgSessions | undefined): ClientForOrg<DynamoDBDocumentClient> => {
  if (sessions === undefined) {
    const client = createDocumentClient();
    return () => client;
  }
  const clients = new OrgLruCache((org) =>
    DynamoDBDocumentClient.from(
      new DynamoDBClient({ ...sdkLimits, credentials: sessions.credentialsFor(org) }),
      translation,
    ),
  );
  return (org) => clients.getOrCreate(org);
};
