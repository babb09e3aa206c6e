import { VaultError } from '../../contract/shared/vault-error.ts';

/** The refusal of a key that a device publishes: its own, or that of its person. @param why ends the sentence */
export const keyRefused = (why: string): VaultError =>
  new VaultError('approval_key_refused', { detail: `The key is refused: ${why}. Nothing was stored.` });
