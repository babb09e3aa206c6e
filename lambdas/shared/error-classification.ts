import { type ErrorCode, errors } from '../../contract/shared/error-codes.ts';
import { type ErrorExtras, VaultError } from '../../contract/shared/vault-error.ts';
import type { ItemError } from '../../contract/shared/wire.ts';
import { DecryptionError } from '../../core/decryption-error.ts';

/** Maps an error to a code of the closed list; undefined for unexpected errors. */
export function classifyError(error: unknown): { code: ErrorCode; extras: ErrorExtras } | undefined {
  if (error instanceof VaultError) return { code: error.code, extras: error.extras };
  // All causes of a failed decryption have the same error.
  if (error instanceof DecryptionError) return { code: 'decryption_failed', extras: {} };
  return undefined;
}

/**
 * Runs one item of a batch. A known error becomes the result of the item. @throws unexpected errors, which fail the
 * whole batch
 */
export async function toItemResult<T>(
  run: () => Promise<T>,
): Promise<{ ok: true; value: T } | { ok: false; error: ItemError }> {
  try {
    return { ok: true, value: await run() };
  } catch (error) {
    const known = classifyError(error);
    if (known === undefined) throw error;
    const { code, extras } = known;
    const { detail, currentVersion } = extras;
    return {
      ok: false,
      error: {
        code,
        title: errors[code].title,
        ...(detail === undefined ? {} : { detail }),
        ...(currentVersion === undefined ? {} : { currentVersion }),
      },
    };
  }
}

/** Runs a decryption. Returns undefined if it fails with a DecryptionError. */
export function undefinedIfUndecryptable<T>(decrypt: () => T): T | undefined {
  try {
    return decrypt();
  } catch (error) {
    if (error instanceof DecryptionError) return undefined;
    throw error;
  }
}

/** Awaits a decryption. Returns undefined if it fails with a DecryptionError. */
export async function awaitDecryption<T>(decryption: Promise<T>): Promise<T | undefined> {
  try {
    return await decryption;
  } catch (error) {
    if (error instanceof DecryptionError) return undefined;
    throw error;
  }
}

/** The names of the failed items of a batch. */
export const failedNames = (results: readonly { readonly name: string; readonly ok: boolean }[] = []): string[] =>
  results.filter(({ ok }) => !ok).map(({ name }) => name);
