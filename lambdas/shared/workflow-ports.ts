/**
 * The operations available to a workflow: steps, whose results are stored, and waits, during which no function runs.
 */
export interface WorkflowSteps {
  /**
   * Runs a step. If the workflow is resumed, returns the stored result instead. A step is retried until it succeeds. It
   * may run again even after it has succeeded, so it must be idempotent. Its result must be JSON.
   * @throws the step's error, wrapped by the workflow engine, if that error is permanent
   */
  step<Result>(name: string, run: () => Promise<Result>): Promise<Result>;
  /** Waits at least this long. @param seconds an integer, 1 or more */
  wait(name: string, seconds: number): Promise<void>;
}

/** Starts workflows. */
export interface WorkflowStarter {
  /**
   * Ensures that a workflow with this name and input runs or has completed. If its execution failed, for example
   * because its code cannot replay it, another one is started. That one begins again, so every step must be repeatable.
   * The same name must always have the same input.
   * @param name 1 to 61 characters of `A-Z a-z 0-9 _ -`
   * @throws VaultError `unavailable`
   */
  start(name: string, input: object): Promise<void>;
}

/** For functions that start no workflow and whose IAM roles do not permit it. */
export const unavailableWorkflowStarter: WorkflowStarter = {
  start: () => Promise.reject(new Error('this function starts no workflow')),
};
