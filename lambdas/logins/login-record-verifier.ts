/** Verifies stored logins. No record of the table is used for a decision before this. */
import * as z from 'zod/mini';
import { loginInfo } from '../../contract/logins/schemas.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { decodeLoginRecord } from '../../core/logins/login-record.ts';
import { endOfKeyInMark } from '../../core/records/org-mark.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import type { OrgMarks } from '../records/org-marks.ts';
import type { Login, StoredLogin } from './login-ports.ts';

export class LoginRecordVerifier {
  readonly #keys: AuthenticationKeys;
  readonly #marks: OrgMarks;

  constructor(keys: AuthenticationKeys, marks: OrgMarks) {
    this.#keys = keys;
    this.#marks = marks;
  }

  /**
   * The login; `ended` if it was deleted or its org was shredded, although somebody put its record back; undefined if
   * the vault did not write the record.
   * @throws VaultError `unavailable`, `key_unavailable`; DecryptionError if the org has no valid mark
   */
  async verify(org: string, { id, record }: StoredLogin): Promise<Login | 'ended' | undefined> {
    if (record === undefined) return undefined;
    const key = await this.#keys.get(org);
    try {
      const parsed = z.safeParse(loginInfo(), decodeLoginRecord(key, id, record));
      if (!parsed.success) return undefined;
      const mark = await this.#marks.get(org);
      const isEnded = mark.state === 'shredded' || endOfKeyInMark(mark, id) !== undefined;
      return isEnded ? 'ended' : parsed.data;
    } catch (error) {
      if (error instanceof DecryptionError) return undefined;
      throw error;
    }
  }
}
