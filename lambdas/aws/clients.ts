/** The clients of requests. Rare operations use the clients of sdk-clients.ts. */
import { callLimits, sessionLimits } from './call-limits.ts';
import { ConnectionsClient } from './connections-client.ts';
import { createEnvironmentCredentials } from './credentials.ts';
import { DynamoClient } from './dynamo-client.ts';
import { KmsClient } from './kms-client.ts';
import { LambdaEventClient } from './lambda-event-client.ts';
import { OrgLruCache, OrgSessions } from './org-sessions.ts';
import { S3ObjectClient } from './s3-object-client.ts';
import { resolveEndpoint, type ServiceName } from './service-endpoint.ts';
import type { ServiceOptions } from './signed-service.ts';
import { StsClient } from './sts-client.ts';

/** Returns a client that acts for one org. */
export type ClientForOrg<Client> = (org: string) => Client;

/** The function's own role. */
const ownCredentials = createEnvironmentCredentials();

/** Sessions of a role by org; undefined without a role. @param presignMarginSeconds as in OrgSessions */
export const createOrgSessions = (
  roleArn: string | undefined,
  presignMarginSeconds: number,
): OrgSessions | undefined => {
  if (roleArn === undefined || roleArn === '') return undefined;
  const sts = new StsClient({ credentials: ownCredentials, limits: sessionLimits });
  return new OrgSessions(sts, roleArn, presignMarginSeconds);
};

/** Clients that use the org's session. Without sessions, one client with the function's own role serves all orgs. */
function clientsForOrgs<Client extends object>(
  service: ServiceName,
  sessions: OrgSessions | undefined,
  create: (options: ServiceOptions) => Client,
): ClientForOrg<Client> {
  const shared = { limits: callLimits, location: resolveEndpoint(service) };
  if (sessions === undefined) {
    const client = create({ ...shared, credentials: ownCredentials });
    return () => client;
  }
  const clients = new OrgLruCache((org) => create({ ...shared, credentials: sessions.credentialsFor(org) }));
  return (org) => clients.getOrCreate(org);
}

export const createOrgDynamoClients = (sessions: OrgSessions | undefined): ClientForOrg<DynamoClient> =>
  clientsForOrgs('dynamodb', sessions, (options) => new DynamoClient(options));

export const createOrgKmsClients = (sessions: OrgSessions | undefined): ClientForOrg<KmsClient> =>
  clientsForOrgs('kms', sessions, (options) => new KmsClient(options));

export const createOrgS3ObjectClients = (sessions: OrgSessions | undefined): ClientForOrg<S3ObjectClient> =>
  clientsForOrgs('s3', sessions, (options) => new S3ObjectClient(options));

/** DynamoDB client with the function's own role, for items that belong to no org. */
export const createDynamoClient = (): DynamoClient =>
  new DynamoClient({ credentials: ownCredentials, limits: callLimits });

/** Hands events to other functions, with the function's own role. */
export const createLambdaEventClient = (): LambdaEventClient =>
  new LambdaEventClient({ credentials: ownCredentials, limits: callLimits });

/** Connections of the WebSocket API, with the function's own role. @param url base URL of the management API */
export const createConnectionsClient = (url: string): ConnectionsClient =>
  new ConnectionsClient(url, { credentials: ownCredentials, limits: callLimits });

/** KMS client with the function's own role, for keys that belong to no org. */
export const createKmsClient = (): KmsClient => new KmsClient({ credentials: ownCredentials, limits: callLimits });
