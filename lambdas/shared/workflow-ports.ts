/** A workflow, as the rules see it: steps that are done once and remembered, and waits that cost nothing. */
export interface WorkflowSteps {
  /**
   * Runs a step, or returns what it returned before when the workflow is taken up again. It is tried again until it
   * succeeds, and may run twice although it succeeded the first time: it must bear that. Its result must be JSON.
   * @throws what it threw, as an error of the engine, when that error is final (`isFinal`)
   */
  step<Result>(name: string, run: () => Promise<Result>): Promise<Result>;
  /** Waits that long or longer. @param seconds a whole number, 1 or more */
  wait(name: string, seconds: number): Promise<void>;
}

/** Starts workflows. */
export interface WorkflowStarter {
  /**
   * Starts one, or does nothing when one of that name was started with the same input before.
   * @param name 1 to 64 of `A-Z a-z 0-9 _ -`
   * @throws VaultError `unavailable`
   */
  start(name: string, input: object): Promise<void>;
}

/** For functions that start none: their roles would refuse it. */
export const unavailableWorkflowStarter: WorkflowStarter = {
  start: () => Promise.reject(new Error('this function starts no workflow')),
};
