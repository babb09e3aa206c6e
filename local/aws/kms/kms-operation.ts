import type { z } from 'zod';
import { ServiceError } from '../shared/errors.ts';
import { firstIssue, type JsonObject } from '../shared/json.ts';
import type { Caller, KmsKeyRegistry } from './key-registry.ts';

/** An operation of the KMS API: input as it came in JSON, answer as it goes out. Throws ServiceError. */
export type KmsOperation = (keyring: KmsKeyRegistry, input: unknown, caller: Caller) => JsonObject;

/** Binds an operation to the form of its input; what is not of that form is a ValidationException. */
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
