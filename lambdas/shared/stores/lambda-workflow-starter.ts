import { InvocationType, InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { WorkflowStarter } from '../workflow-ports.ts';
import { mapTransientErrors } from './aws-error-mapping.ts';

/**
 * Starts executions of a durable function. Its name must include a version or an alias. Lambda runs the whole execution
 * on the version to which the alias routes at the start.
 */
export class LambdaWorkflowStarter implements WorkflowStarter {
  readonly #client: LambdaClient;
  readonly #functionName: string;

  constructor(client: LambdaClient, functionName: string) {
    this.#client = client;
    this.#functionName = functionName;
  }

  async start(name: string, input: object): Promise<void> {
    const command = new InvokeCommand({
      FunctionName: this.#functionName,
      InvocationType: InvocationType.Event,
      DurableExecutionName: name,
      Payload: Buffer.from(JSON.stringify(input)),
    });
    await mapTransientErrors('The workflow was not started. Send the same request again.', () =>
      this.#client.send(command),
    );
  }
}
