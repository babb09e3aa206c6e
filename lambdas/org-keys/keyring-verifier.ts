/** Verifies stored keyrings and tombstones. Every use of a stored record starts here. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import type { Keyring } from '../../core/org-keys/org-keyring.ts';
import type { OrgMark } from '../../core/records/org-mark.ts';
import { parseKeyringOrTombstone, type Tombstone } from '../../core/shredding/keyring-tombstone.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import type { OrgMarks } from '../records/org-marks.ts';

/** An org's keyring, or the tombstone that replaced it. */
export type StoredKeyring = Keyring | Tombstone;

/** Reads the stored record of an org again. */
export type RereadKeyring = () => Promise<unknown>;

export class KeyringVerifier {
  readonly keys: AuthenticationKeys;
  readonly marks: OrgMarks;

  constructor(keys: AuthenticationKeys, marks: OrgMarks) {
    this.keys = keys;
    this.marks = marks;
  }

  /**
   * Verifies the stored record of an org: its form, its MAC, and that it is not older than the org's mark.
   * @param reread reads the record again. A change between reading the record and reading the mark makes the record
   *   that was read first too old.
   * @throws DecryptionError if the vault did not write the record for this org, or replaced it; VaultError
   *   `org_shredded` if the org was shredded and the record does not say so; `unavailable`, `key_unavailable`
   */
  async verify(record: unknown, org: string, reread: RereadKeyring): Promise<StoredKeyring> {
    const [key, mark] = await Promise.all([this.keys.get(org), this.marks.get(org)]);
    const stored = parseKeyringOrTombstone(key, record);
    if (stored.generation >= mark.generation) return assertNotRevived(stored, mark);
    const newer = parseKeyringOrTombstone(key, await reread());
    if (newer.generation >= mark.generation) return assertNotRevived(newer, mark);
    throw mark.state === 'shredded' ? new VaultError('org_shredded') : new DecryptionError();
  }
}

/** A keyring of a shredded org never works again, whatever its generation. */
function assertNotRevived(stored: StoredKeyring, mark: OrgMark): StoredKeyring {
  if (stored.state === 'active' && mark.state === 'shredded') throw new VaultError('org_shredded');
  return stored;
}

/**
 * Rejects locked and shredded orgs. This is the only place that enforces both states for access to values.
 * @throws VaultError `org_locked`, `org_shredded`
 */
export function assertOrgActive(stored: StoredKeyring): asserts stored is Keyring {
  if (stored.state === 'shredded') throw new VaultError('org_shredded');
  if (stored.lock === undefined) return;
  const detail = `It will be shredded at ${stored.lock.shredAt} unless an admin cancels the shredding before then.`;
  throw new VaultError('org_locked', { detail });
}
