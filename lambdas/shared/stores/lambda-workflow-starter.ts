import { VaultError } from '../../../contract/shared/vault-error.ts';
import type { WorkflowStarter } from '../workflow-ports.ts';
import { mapTransientErrors } from './aws-error-mapping.ts';

const notStartedDetail = 'The workflow was not started. Send the same request again.';

/** Maximum number of executions of one workflow. More failures than this need an operator. */
const maxExecutions = 50;

/** Statuses of an execution that ended before the workflow did (Lambda API reference, GetDurableExecution). */
const failedStatuses: ReadonlySet<string | undefined> = new Set(['FAILED', 'STOPPED', 'TIMED_OUT']);

/**
 * Starts executions of a durable function. Its name must include a version or an alias. Lambda runs the whole execution
 * on the version to which the alias routes at the start.
 */
export class LambdaWorkflowStarter implements WorkflowStarter {
  readonly #functionName: string;

  constructor(functionName: string) {
    this.#functionName = functionName;
  }

  async start(name: string, input: object): Promise<void> {
    const { startOrFindExecution } = await import('../../aws/lambda-starter.ts');
    for (let n = 0; n < maxExecutions; n++) {
      const status = await mapTransientErrors(notStartedDetail, () =>
        startOrFindExecution(this.#functionName, n === 0 ? name : `${name}-${n}`, input),
      );
      if (!failedStatuses.has(status)) return;
    }
    throw new VaultError('unavailable', { detail: 'The workflow failed repeatedly and was not started again.' });
  }
}
