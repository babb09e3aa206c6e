/**
 * Asynchronous invocations with the AWS SDK. Loaded by `import()` when the first one is due, so that a function that
 * rarely starts another one does not evaluate the SDK at each cold start.
 */
import { InvocationType, InvokeCommand } from '@aws-sdk/client-lambda';
import { createLambdaClient } from './lambda-clients.ts';

const client = createLambdaClient();

/** @param durableExecutionName starts an execution of a durable function; a second one with this name changes nothing */
export async function startFunction(functionName: string, durableExecutionName: string, input: object): Promise<void> {
  await client.send(
    new InvokeCommand({
      FunctionName: functionName,
      InvocationType: InvocationType.Event,
      DurableExecutionName: durableExecutionName,
      Payload: Buffer.from(JSON.stringify(input)),
    }),
  );
}
