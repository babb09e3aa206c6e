/**
 * Lambda clients of the AWS SDK. In a file of their own, because lambda-starter.ts is loaded by `import()`: what it
 * imports must not be imported at the start of the same function, or esbuild evaluates it there.
 */
import { LambdaClient } from '@aws-sdk/client-lambda';
import { sdkLimits } from './call-limits.ts';

/** Lambda client for asynchronous invocations. */
export const createLambdaClient = (): LambdaClient => new LambdaClient(sdkLimits);

/**
 * Lambda client for synchronous invocations. One attempt only, because the first one may still be running. The
 * remaining time is for the response.
 */
export const createSyncLambdaClient = (): LambdaClient =>
  new LambdaClient({
    ...sdkLimits,
    maxAttempts: 1,
    requestHandler: { ...sdkLimits.requestHandler, requestTimeout: 10_000 },
  });

/**
 * Lambda client for the responder, which may take long. One attempt only, because the responder may have side effects.
 * The worker's remaining time is for sending its reply.
 */
export const createResponderLambdaClient = (): LambdaClient =>
  new LambdaClient({
    ...sdkLimits,
    maxAttempts: 1,
    requestHandler: { ...sdkLimits.requestHandler, requestTimeout: 35_000 },
  });
