import { type ErrorCode, errors } from '../../contract/shared/error-codes.ts';
import { type ErrorExtras, VaultError } from '../../contract/shared/vault-error.ts';
import type { ItemError } from '../../contract/shared/wire.ts';
import { DecryptionError } from '../../core/decryption-error.ts';

/** What a failure is in the closed list; undefined for what the vault did not foresee. */
export function classifyError(error: unknown): { code: ErrorCode; extras: ErrorExtras } | undefined {
  if (error instanceof VaultError) return { code: error.code, extras: error.extras };
  // One error for every cause of a failed decryption.
  if (error instanceof DecryptionError) return { code: 'decryption_failed', extras: {} };
  return undefined;
}

/** The result of one item of a batch: its failure is its own, unless nobody foresaw it. */
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

/** What opening something gives; undefined for what does not open, whyever. */
export function undefinedIfUndecryptable<T>(decrypt: () => T): T | undefined {
  try {
    return decrypt();
  } catch (error) {
    if (error instanceof DecryptionError) return undefined;
    throw error;
  }
}

/** The names whose item failed, of the results of a batch that was answered. */
export const failedNames = (results: readonly { readonly name: string; readonly ok: boolean }[] = []): string[] =>
  results.filter(({ ok }) => !ok).map(({ name }) => name);
