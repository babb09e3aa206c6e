/** Checks of records that came from a table, before anything in them is used. */
import { DecryptionError } from '../decryption-error.ts';

/** The fields of a stored record. @throws DecryptionError when it is none */
export function requireObjectFields(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new DecryptionError();
  return { ...value };
}

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
