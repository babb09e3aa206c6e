/**
 * Asynchronous invocations with the AWS SDK. Loaded by `import()` when the first one is due, so that a function that
 * rarely starts another one does not evaluate the SDK at each cold start.
 */
import { GetDurableExecutionCommand, InvocationType, InvokeCommand } from '@aws-sdk/client-lambda';
import { createLambdaClient } from './lambda-clients.ts';

const client = createLambdaClient();

/**
 * Starts an execution of a durable function, or finds the one that has this name and input, even if it has ended.
 * Lambda does not tell which of them it did (developer guide, "Idempotency" of durable functions).
 * @returns the status of the execution; undefined if Lambda does not name the execution
 */
export async function startOrFindExecution(
  functionName: string,
  durableExecutionName: string,
  input: object,
): Promise<string | undefined> {
  const { DurableExecutionArn } = await client.send(
    new InvokeCommand({
      FunctionName: functionName,
      InvocationType: InvocationType.Event,
      DurableExecutionName: durableExecutionName,
      Payload: Buffer.from(JSON.stringify(input)),
    }),
  );
  // Without an ARN the invocation was accepted, but its execution cannot be found.
  if (DurableExecutionArn === undefined) return undefined;
  const { Status } = await client.send(new GetDurableExecutionCommand({ DurableExecutionArn }));
  return Status;
}
