/** Verifies stored API keys. No record of the table is used for a decision before this. */
import { verifyApiKeyMac } from '../../core/api-keys/api-key-mac.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import type { AuthenticationKey } from '../../core/records/authentication-key.ts';
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
   * lacks it because somebody put an earlier version of it back. A key of a login ends with the login.
   * @throws DecryptionError if the vault did not write the record; VaultError `unavailable`, `key_unavailable`
   */
  async verify(stored: StoredApiKey): Promise<StoredApiKey> {
    const verified = await this.verifyOrUndefined(stored);
    if (verified === undefined) throw new DecryptionError();
    return verified;
  }

  /**
   * The verified record; undefined if the vault did not write it. @throws as `verify`; DecryptionError only if the org
   * has no valid mark
   */
  async verifyOrUndefined(stored: StoredApiKey | undefined): Promise<StoredApiKey | undefined> {
    if (stored === undefined) return undefined;
    const [key, mark] = await Promise.all([this.#keys.get(stored.org), this.#marks.get(stored.org)]);
    if (!isAuthentic(key, stored)) return undefined;
    // The login that gave the key was deleted.
    const originEnd = stored.origin && endOfKeyInMark(mark, stored.origin.login);
    if (originEnd !== undefined) return { ...stored, revokedAt: stored.revokedAt ?? originEnd };
    const end = endOfKeyInMark(mark, stored.id);
    const isKnown = isEarlier(stored.overlapEndsAt, end) || isEarlier(stored.revokedAt, end);
    if (end === undefined || isKnown) return stored;
    return { ...stored, overlapEndsAt: end };
  }
}

function isAuthentic(key: AuthenticationKey, stored: StoredApiKey): boolean {
  try {
    verifyApiKeyMac(key, stored, stored.mac);
    return true;
  } catch {
    return false;
  }
}

const isEarlier = (time: string | undefined, other: string | undefined): boolean =>
  time !== undefined && other !== undefined && Date.parse(time) <= Date.parse(other);
