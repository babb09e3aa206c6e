/** One value moved to the active DEK, with all its versions. */
import { DecryptionError } from '../../core/decryption-error.ts';
import type { Dek } from '../../core/encryption/root-key.ts';
import { hasHeaderOfDek, parseDekVersion } from '../../core/encryption/sealed-string.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { StoredValue, StoredVersion } from '../shared/ports.ts';
import { reencryptVersion } from '../values/value-encryption.ts';

const allVersionsOf = (value: StoredValue): readonly StoredVersion[] => [value, ...value.history];
const sealedStringsOf = (value: StoredValue): string[] =>
  allVersionsOf(value).flatMap(({ value, info }) => [value, info]);

/** Whether each sealed string of a value, history included, begins as those of this DEK do. */
export const isEncryptedWith = (dek: Dek, value: StoredValue): boolean =>
  sealedStringsOf(value).every((sealed) => hasHeaderOfDek(dek, sealed));

/** Strings that name no DEK are counted under this version, which is no DEK's. */
export const unparsableDekVersion = 0;

/** DEK versions that strings of a value name, other than the given DEK; {@link unparsableDekVersion} for strings that name none. */
export function otherDekVersions(dek: Dek, value: StoredValue): Set<number> {
  return new Set(
    sealedStringsOf(value)
      .filter((sealed) => !hasHeaderOfDek(dek, sealed))
      .map((sealed) => {
        try {
          const version = parseDekVersion(sealed);
          // It names the active one, but not with its commitment.
          return version >= dek.version ? unparsableDekVersion : version;
        } catch (error) {
          if (error instanceof DecryptionError) return unparsableDekVersion;
          throw error;
        }
      }),
  );
}

/**
 * The same value sealed under the active DEK. Every string is sealed anew, also those that already were under it: then the info
 * string differs from before in any case, and whoever read the item before can't write upon it unaware.
 * @throws DecryptionError when any string of it can't be opened
 */
export async function reencryptValue(keys: OpenKeyring, active: Dek, value: StoredValue): Promise<StoredValue> {
  const current = await reencryptVersion(keys, active, value.name, value);
  const history: StoredVersion[] = [];
  for (const kept of value.history) history.push(await reencryptVersion(keys, active, value.name, kept));
  return { ...value, ...current, history };
}
