/** Runs workflows as Lambda durable functions: https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html */
import {
  type DurableExecutionInvocationInput,
  type DurableExecutionInvocationOutput,
  type Duration,
  InvocationStatus,
  withDurableExecution,
} from '@aws/durable-execution-sdk-js';
import type { Context } from 'aws-lambda';
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

/** An execution that ended before its workflow did. It is not resumed; `WorkflowStarter.start` starts another one. */
export interface WorkflowFailure {
  readonly requestId: string;
  /** ARN of the execution. It contains the function version. */
  readonly execution: string;
  /** The class of the error, never its message. */
  readonly fault: string;
  /** The code of this version does not match the steps of the execution. */
  readonly reason?: 'replay_mismatch';
  readonly durationMs: number;
}

/**
 * Creates the handler of a durable function that runs a workflow. `report` is called when the execution fails: the SDK
 * then returns the failure to Lambda without a log line. Lambda stores the results of steps unencrypted, so
 * they may contain only names, numbers and times.
 */
export function createDurableHandler<Input>(
  run: (input: Input, steps: WorkflowSteps) => Promise<object>,
  report: (failure: WorkflowFailure) => void,
) {
  const handler = withDurableExecution<Input, object>(async (input, context) => {
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
  return async (
    event: DurableExecutionInvocationInput,
    context: Context,
  ): Promise<DurableExecutionInvocationOutput> => {
    const started = performance.now();
    const outcome = await handler(event, context);
    if (outcome.Status === InvocationStatus.FAILED) {
      const fault = outcome.Error?.ErrorType ?? 'Error';
      report({
        requestId: context.awsRequestId,
        execution: event.DurableExecutionArn,
        fault,
        ...(fault === 'NonDeterministicExecutionError' && { reason: 'replay_mismatch' }),
        durationMs: Math.round(performance.now() - started),
      });
    }
    return outcome;
  };
}

const toDuration = (seconds: number): Duration => ({ seconds });
