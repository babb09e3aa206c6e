/** Verifies stored API keys. No record of the table is used for a decision before this. */
import { verifyApiKeyMac } from '../../core/api-keys/api-key-mac.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { endOfKeyInMark } from '../../core/records/org-mark.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import type { OrgMarks } from '../records/org-marks.ts';
import type { StoredApiKey } from './api-key-ports.ts';

export class ApiKeyVerifier {
  readonly #keys: AuthenticationKeys;
  readonly #marks: OrgMarks;

  constructor(keys: AuthenticationKeys, marks: OrgMarks) {
    this.#keys = keys;
    this.#marks = marks;
  }

  /**
   * Verifies the MAC of a record. The result has the end of the key that the org's mark records, also if the record
   * lacks it because somebody put an earlier version of it back.
   * @throws DecryptionError if the vault did not write the record; VaultError `unavailable`, `key_unavailable`
   */
  async verify(stored: StoredApiKey): Promise<StoredApiKey> {
    const [key, mark] = await Promise.all([this.#keys.get(stored.org), this.#marks.get(stored.org)]);
    verifyApiKeyMac(key, stored, stored.mac);
    const end = endOfKeyInMark(mark, stored.id);
    if (end === undefined || isEarlier(stored.overlapEndsAt, end)) return stored;
    return { ...stored, overlapEndsAt: end };
  }

  /** The verified record; undefined if the vault did not write it. @throws VaultError as `verify` */
  async verifyOrUndefined(stored: StoredApiKey | undefined): Promise<StoredApiKey | undefined> {
    if (stored === undefined) return undefined;
    try {
      return await this.verify(stored);
    } catch (error) {
      if (error instanceof DecryptionError) return undefined;
      throw error;
    }
  }
}

const isEarlier = (time: string | undefined, other: string): boolean =>
  time !== undefined && Date.parse(time) <= Date.parse(other);
