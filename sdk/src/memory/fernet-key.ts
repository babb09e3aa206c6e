import { deriveFernetKey, type FernetKey } from '../../../core/memory/fernet.ts';
import { notSentError } from '../shared/argument-validation.ts';
import type { FernetOptions } from './memory-types.ts';

/** Derives the tokens' key with the published derivation. @throws AnimaError invalid_argument */
export async function deriveCheckedFernetKey({ apiKey, userId }: FernetOptions): Promise<FernetKey> {
  for (const [name, value] of Object.entries({ apiKey, userId })) {
    if (typeof value !== 'string' || value === '')
      throw notSentError('invalid_argument', `${name} of the Fernet tokens must be a non-empty string`);
  }
  return await deriveFernetKey(apiKey, userId);
}
