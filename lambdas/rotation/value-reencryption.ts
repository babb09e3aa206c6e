/** Re-encrypts one value and its history with the active DEK. */
import { DecryptionError } from '../../core/decryption-error.ts';
import type { Dek } from '../../core/encryption/root-key.ts';
import { hasHeaderOfDek, parseDekVersion } from '../../core/encryption/sealed-string.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { StoredValue, StoredVersion } from '../shared/ports.ts';
import { reencryptVersion } from '../values/value-encryption.ts';

const allVersionsOf = (value: StoredValue): readonly StoredVersion[] => [value, ...value.history];
const sealedStringsOf = (value: StoredValue): string[] =>
  allVersionsOf(value).flatMap(({ value, info }) => [value, info]);

/** Whether every sealed string of a value, including its history, has the header of this DEK. */
export const isEncryptedWith = (dek: Dek, value: StoredValue): boolean =>
  sealedStringsOf(value).every((sealed) => hasHeaderOfDek(dek, sealed));

/** Stands for strings that name no DEK. It is not a valid DEK version. */
export const unparsableDekVersion = 0;

/**
 * DEK versions that a value's strings name, other than the given DEK; {@link unparsableDekVersion} for strings that
 * name none.
 */
export function otherDekVersions(dek: Dek, value: StoredValue): Set<number> {
  return new Set(
    sealedStringsOf(value)
      .filter((sealed) => !hasHeaderOfDek(dek, sealed))
      .map((sealed) => {
        try {
          const version = parseDekVersion(sealed);
          // The string names the active or a later version, but without the active DEK's commitment.
          return version >= dek.version ? unparsableDekVersion : version;
        } catch (error) {
          if (error instanceof DecryptionError) return unparsableDekVersion;
          throw error;
        }
      }),
  );
}

/**
 * Encrypts a value with the active DEK. Strings that already use this DEK are encrypted again too, so the info string
 * always changes. A writer that read the old item then fails its condition.
 * @throws DecryptionError if any of its strings cannot be decrypted
 */
export async function reencryptValue(keys: OpenKeyring, active: Dek, value: StoredValue): Promise<StoredValue> {
  const current = await reencryptVersion(keys, active, value.name, value);
  const history: StoredVersion[] = [];
  for (const kept of value.history) history.push(await reencryptVersion(keys, active, value.name, kept));
  return { ...value, ...current, history };
}
