import {
  ExecutionStatus,
  GetDurableExecutionCommand,
  InvocationType,
  InvokeCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import type { WorkflowStarter } from '../workflow-ports.ts';
import { mapTransientErrors } from './aws-error-mapping.ts';

const notStartedDetail = 'The workflow was not started. Send the same request again.';

/** Maximum number of executions of one workflow. More failures than this need an operator. */
const maxExecutions = 50;

/** Statuses of an execution that ended before the workflow did. */
const failedStatuses: ReadonlySet<string | undefined> = new Set([
  ExecutionStatus.FAILED,
  ExecutionStatus.STOPPED,
  ExecutionStatus.TIMED_OUT,
]);

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
    const Payload = Buffer.from(JSON.stringify(input));
    for (let n = 0; n < maxExecutions; n++) {
      const status = await mapTransientErrors(notStartedDetail, () =>
        this.#startOrFind(n === 0 ? name : `${name}-${n}`, Payload),
      );
      if (!failedStatuses.has(status)) return;
    }
    throw new VaultError('unavailable', { detail: 'The workflow failed repeatedly and was not started again.' });
  }

  /**
   * Starts an execution, or finds the one that has this name and input, even if it has ended. Lambda does not tell
   * which of them it did (developer guide, "Idempotency" of durable functions).
   */
  async #startOrFind(DurableExecutionName: string, Payload: Uint8Array): Promise<string | undefined> {
    const { DurableExecutionArn } = await this.#client.send(
      new InvokeCommand({
        FunctionName: this.#functionName,
        InvocationType: InvocationType.Event,
        DurableExecutionName,
        Payload,
      }),
    );
    const { Status } = await this.#client.send(new GetDurableExecutionCommand({ DurableExecutionArn }));
    return Status;
  }
}
