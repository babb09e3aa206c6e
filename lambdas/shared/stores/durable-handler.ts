/** Runs workflows as Lambda durable functions: https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html */
import { type Duration, withDurableExecution } from '@aws/durable-execution-sdk-js';
import { errors } from '../../../contract/shared/error-codes.ts';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import type { WorkflowSteps } from '../workflow-ports.ts';

/** Maximum delay between retries of a step. The delay doubles from one second. Seconds. */
const maxRetryDelaySeconds = 300;
/** Retry delay for a locked org, which stays locked for days unless the shredding is cancelled. Seconds. */
const lockedRetrySeconds = 3600;

/** Whether a retry cannot succeed: the request is refused, or stored data cannot be decrypted. */
const isPermanent = (error: unknown): boolean =>
  error instanceof DecryptionError ||
  (error instanceof VaultError && !errors[error.code].retryable && error.code !== 'org_locked');

const secondsUntilRetry = (error: unknown, attempt: number): number =>
  error instanceof VaultError && error.code === 'org_locked'
    ? lockedRetrySeconds
    : Math.min(maxRetryDelaySeconds, 2 ** (attempt - 1));

/**
 * Creates the handler of a durable function that runs a workflow. Lambda stores the results of steps unencrypted, so
 * they may contain only names, numbers and times.
 */
export function createDurableHandler<Input>(run: (input: Input, steps: WorkflowSteps) => Promise<object>) {
  return withDurableExecution<Input, object>(async (input, context) => {
    const steps: WorkflowSteps = {
      step: async (name, work) =>
        await context.step(name, work, {
          retryStrategy: (error, attempt) =>
            isPermanent(error)
              ? { shouldRetry: false }
              : { shouldRetry: true, delay: toDuration(secondsUntilRetry(error, attempt)) },
        }),
      wait: async (name, seconds) => await context.wait(name, toDuration(seconds)),
    };
    return await run(input, steps);
  });
}

const toDuration = (seconds: number): Duration => ({ seconds });
