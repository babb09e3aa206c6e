/** The template's functions on this machine, and what stands for names and addresses of AWS. */

import { functionEnv } from '../../contract/shared/environment-variables.ts';
import type { Deployment } from '../aws/cloudformation/deployment-spec.ts';
import { replaceOrigins } from '../aws/cloudfront/distribution-server.ts';
import type { CredentialStore } from '../aws/iam/credential-store.ts';
import type { EnvironmentPool } from '../aws/lambda/environment-pool.ts';
import { FunctionHost, functionEnvironmentVariables, type ServiceUrls } from '../aws/lambda/function-host.ts';
import { bucketDomain, queueUrl, sqsOrigin } from '../aws/shared/aws-account.ts';
import type { Logs } from '../aws/shared/log-streams.ts';

/** Addresses of this machine. */
export interface LocalUrls extends ServiceUrls {
  readonly api: string;
  readonly page: string;
  /** The emulated APIs of the message providers. */
  readonly providerApis: string;
}

/** What stands here for addresses of the template that have a scheme and a domain of AWS's. */
export function originReplacements(
  { distribution, buckets, apiEndpoint }: Deployment,
  urls: LocalUrls,
): ReadonlyMap<string, string> {
  return new Map([
    ...(distribution?.origins ?? []).map((address) => [address, urls.page] as const),
    // In path style all buckets are of one origin, by which alone a page's policy can name them.
    ...buckets.map(({ bucketName }) => [`https://${bucketDomain(bucketName)}`, urls.s3] as const),
    [apiEndpoint, urls.api],
    // A client of SQS calls the host of the queue's URL, whatever its endpoint is.
    [sqsOrigin, urls.signedServices],
  ]);
}

/** By logical id. */
export function createFunctionHosts(
  { functions }: Deployment,
  origins: ReadonlyMap<string, string>,
  credentials: CredentialStore,
  urls: LocalUrls,
  concurrency: number,
  pool: EnvironmentPool,
  logs: Logs,
): ReadonlyMap<string, FunctionHost> {
  return new Map(
    functions.map((spec) => {
      const { logicalId, Environment } = spec;
      // Credentials of the function's own role, so that the engines know which function calls.
      const templateVariables = Object.entries(Environment.Variables).map(([name, value]) => [
        name,
        replaceOrigins(value, origins),
      ]);
      // A deployed function lacks this variable: the providers are then at their own addresses.
      const Variables = { ...Object.fromEntries(templateVariables), [functionEnv.providerApis]: urls.providerApis };
      const variables = functionEnvironmentVariables(
        { ...spec, Environment: { Variables } },
        credentials.issue({ name: logicalId, arn: spec.Role, tags: {} }),
        urls,
      );
      const onLine = (line: string) => logs.write(logicalId, line);
      return [logicalId, new FunctionHost({ spec, variables, concurrency, pool, onLine })];
    }),
  );
}

/** What `LocalVault.resources` has; queues are at `sqsUrl`. */
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
