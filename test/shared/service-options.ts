/** Options for the clients of lambdas/aws in tests of stores. */
import type { AwsCredentials } from '../../lambdas/aws/credentials.ts';
import { parseEndpoint } from '../../lambdas/aws/service-endpoint.ts';
import type { ServiceOptions } from '../../lambdas/aws/signed-service.ts';

export const serviceOptions = (endpoint: string, region: string, credentials: AwsCredentials): ServiceOptions => ({
  credentials: async () => credentials,
  // A busy machine must not make a call time out: a retried increment counts twice.
  limits: { attempts: 3, connectMs: 30_000, requestMs: 30_000 },
  location: { ...parseEndpoint(endpoint), region },
});
