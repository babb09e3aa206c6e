import type { z } from 'zod';
import { ServiceError } from '../shared/errors.ts';
import { firstIssue, type JsonObject } from '../shared/json.ts';
import type { Caller, KmsKeyRegistry } from './key-registry.ts';

/** An operation of the KMS API. It takes the parsed JSON input and returns the JSON output. Throws ServiceError. */
export type KmsOperation = (keyring: KmsKeyRegistry, input: unknown, caller: Caller) => JsonObject;

/** Adds input validation to an operation. Invalid input is a ValidationException. */
export function operation<Input>(
  schema: z.ZodType<Input>,
  run: (keyring: KmsKeyRegistry, input: Input, caller: Caller) => JsonObject,
): KmsOperation {
  return (keyring, input, caller) => {
    const parsed = schema.safeParse(input);
    if (!parsed.success) throw new ServiceError('ValidationException', firstIssue(parsed.error));
    return run(keyring, parsed.data, caller);
  };
}
