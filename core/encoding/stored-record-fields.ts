/** Checks on stored records, made before any of their content is used. */
import { DecryptionError } from '../decryption-error.ts';

/**
 * Returns the fields of a stored record.
 * @throws DecryptionError when it is not an object
 */
export function requireObjectFields(value: unknown): Record<string, unknown> {
  if (!hasFields(value)) throw new DecryptionError();
  return { ...value };
}

/** The fields of a stored record, or none when it is not an object: for views of damaged records, which never fail. */
export const objectFieldsOrEmpty = (value: unknown): Record<string, unknown> => (hasFields(value) ? { ...value } : {});

const hasFields = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A number from 0 on, to which one can be added: the greatest safe integer could not be stored after that. */
export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < Number.MAX_SAFE_INTEGER;

/** Whether a value is a time in milliseconds since 1970 that a Date can have (ECMA-262 section 21.4.1.1). */
export const isDateTime = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Math.abs(Number(value)) <= 8_640_000_000_000_000;
