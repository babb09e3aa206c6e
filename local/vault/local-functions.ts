/** Creates the template's functions on this machine, and maps AWS names and addresses to local ones. */

import { functionEnv } from '../../contract/shared/environment-variables.ts';
import type { Deployment, FunctionSpec } from '../aws/cloudformation/deployment-spec.ts';
import { replaceOrigins } from '../aws/cloudfront/distribution-server.ts';
import type { CredentialStore } from '../aws/iam/credential-store.ts';
import type { EnvironmentPool } from '../aws/lambda/environment-pool.ts';
import { FunctionHost, functionEnvironmentVariables, type ServiceUrls } from '../aws/lambda/function-host.ts';
import { bucketDomain, queueUrl, sqsOrigin } from '../aws/shared/aws-account.ts';
import type { Logs } from '../aws/shared/log-streams.ts';

/** The local URLs of the emulated services. */
export interface LocalUrls extends ServiceUrls {
  readonly api: string;
  readonly page: string;
  /** The emulated APIs of the message providers. */
  readonly providerApis: string;
  /** `127.0.0.1:<port>` of the WebSocket API; undefined if the template has none. */
  readonly sockets: string | undefined;
}

/** Local origins by the AWS origins that occur in the template. */
export function originReplacements(
  { distribution, buckets, apiEndpoint, sockets }: Deployment,
  urls: LocalUrls,
): ReadonlyMap<string, string> {
  return new Map([
    ...(distribution?.origins ?? []).map((address) => [address, urls.page] as const),
    // With path-style URLs, all buckets have the same origin. A page's content security policy can name only origins.
    ...buckets.map(({ bucketName }) => [`https://${bucketDomain(bucketName)}`, urls.s3] as const),
    [apiEndpoint, urls.api],
    // The host of a WebSocket API serves connections, and their management API over HTTPS.
    ...(sockets === undefined || urls.sockets === undefined
      ? []
      : ([
          [`wss://${sockets.hostName}`, `ws://${urls.sockets}`],
          [`https://${sockets.hostName}`, `http://${urls.sockets}`],
        ] as const)),
    // An SQS client sends requests to the host of the queue URL, regardless of its endpoint setting.
    [sqsOrigin, urls.signedServices],
  ]);
}

/** Creates the hosts of functions and of their published versions. */
export function createFunctionHosts(
  functions: readonly FunctionSpec[],
  origins: ReadonlyMap<string, string>,
  credentials: CredentialStore,
  urls: LocalUrls,
  concurrency: number,
  pool: EnvironmentPool,
  logs: Logs,
): readonly FunctionHost[] {
  return functions.map((spec) => {
    const { logicalId, Environment } = spec;
    // Credentials of the function's own role, so that the engines know which function calls.
    const templateVariables = Object.entries(Environment.Variables).map(([name, value]) => [
      name,
      replaceOrigins(value, origins),
    ]);
    // A deployed function does not have these variables. It calls the real providers, and its org ids are not local.
    const Variables = {
      ...Object.fromEntries(templateVariables),
      [functionEnv.providerApis]: urls.providerApis,
      [functionEnv.localOrgs]: '1',
    };
    const variables = functionEnvironmentVariables(
      { ...spec, Environment: { Variables } },
      credentials.issue({ name: logicalId, arn: spec.Role, tags: {} }),
      urls,
    );
    const onLine = (line: string) => logs.write(logicalId, line);
    return new FunctionHost({ spec, variables, concurrency, pool, onLine });
  });
}

/** The value of `LocalVault.resources`. `sqsUrl` is the base of the queue URLs. */
export function physicalNames(
  { tables, buckets, queues, kmsKeys, functions }: Deployment,
  sqsUrl: string,
): Record<string, string> {
  return Object.fromEntries([
    ...tables.map(({ logicalId, tableName }) => [logicalId, tableName] as const),
    ...buckets.map(({ logicalId, bucketName }) => [logicalId, bucketName] as const),
    ...queues.map(({ logicalId, queueName }) => [logicalId, queueUrl(queueName, sqsUrl)] as const),
    ...kmsKeys.map(({ logicalId, keyId }) => [logicalId, keyId] as const),
    ...functions.map(({ logicalId, functionName }) => [logicalId, functionName] as const),
  ]);
}
