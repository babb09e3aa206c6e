/** Options for the clients of lambdas/aws in tests of stores. */
import type { AwsCredentials } from '../../lambdas/aws/credentials.ts';
import { parseEndpoint } from '../../lambdas/aws/service-endpoint.ts';
import type { ServiceOptions } from '../../lambdas/aws/signed-service.ts';

export const serviceOptions = (endpoint: string, region: string, credentials: AwsCredentials): ServiceOptions => ({
  credentials: async () => credentials,
  limits: { attempts: 3, connectMs: 1000, requestMs: 2000 },
  location: { ...parseEndpoint(endpoint), region },
});
