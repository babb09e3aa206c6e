/** Workflows as Lambda durable functions: https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html */
import { type Duration, withDurableExecution } from '@aws/durable-execution-sdk-js';
import { errors } from '../../../contract/shared/error-codes.ts';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import type { Steps } from '../workflow-ports.ts';

/** A retry of a step: soon at first, then ever later. Seconds. */
const retryDelayMost = 300;
/** A locked org stays so for days, unless the shredding is cancelled. */
const lockedDelay = 3600;

/** Whether trying again can't help: what was asked for is refused, or what is stored can't be opened. */
const isFinal = (error: unknown): boolean =>
  error instanceof DecryptionError ||
  (error instanceof VaultError && !errors[error.code].retryable && error.code !== 'org_locked');

const secondsUntilRetry = (error: unknown, attempt: number): number =>
  error instanceof VaultError && error.code === 'org_locked'
    ? lockedDelay
    : Math.min(retryDelayMost, 2 ** (attempt - 1));

/**
 * The handler of a durable function that runs a workflow. What a step returns is kept by Lambda in the clear: names, numbers
 * and times only.
 */
export function durableHandler<Input>(run: (input: Input, steps: Steps) => Promise<object>) {
  return withDurableExecution<Input, object>(async (input, context) => {
    const steps: Steps = {
      step: async (name, work) =>
        await context.step(name, work, {
          retryStrategy: (error, attempt) =>
            isFinal(error)
              ? { shouldRetry: false }
              : { shouldRetry: true, delay: duration(secondsUntilRetry(error, attempt)) },
        }),
      wait: async (name, seconds) => await context.wait(name, duration(seconds)),
    };
    return await run(input, steps);
  });
}

const duration = (seconds: number): Duration => ({ seconds });
