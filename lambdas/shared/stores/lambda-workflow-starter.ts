import type { WorkflowStarter } from '../workflow-ports.ts';
import { mapTransientErrors } from './aws-error-mapping.ts';

/** Starts executions of a durable function, whose name must include a version (`…:$LATEST`). */
export class LambdaWorkflowStarter implements WorkflowStarter {
  readonly #functionName: string;

  constructor(functionName: string) {
    this.#functionName = functionName;
  }

  async start(name: string, input: object): Promise<void> {
    const { startFunction } = await import('../../aws/lambda-starter.ts');
    await mapTransientErrors('The workflow was not started. Send the same request again.', () =>
      startFunction(this.#functionName, name, input),
    );
  }
}
