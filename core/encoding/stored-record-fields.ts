/** Checks on stored records, made before any of their content is used. */
import { DecryptionError } from '../decryption-error.ts';

/**
 * Returns the fields of a stored record.
 * @throws DecryptionError when it is not an object
 */
export function requireObjectFields(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new DecryptionError();
  return { ...value };
}

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
