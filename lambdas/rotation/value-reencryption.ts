/** Which DEKs the sealed strings of a stored version name. */
import type { Dek } from '../../core/encryption/root-key.ts';
import { hasHeaderOfDek, parseDekVersion } from '../../core/encryption/sealed-string.ts';
import { undefinedIfUndecryptable } from '../shared/error-classification.ts';
import { isMalformed, type ReadVersion, type StoredVersion } from '../shared/ports.ts';

/** Whether both sealed strings of a version have the header of this DEK. */
export const isEncryptedWith = (dek: Dek, { value, info }: StoredVersion): boolean =>
  [value, info].every((sealed) => hasHeaderOfDek(dek, sealed));

/** Stands for strings that name no DEK. It is not a valid DEK version. */
const unparsableDekVersion = 0;

/**
 * DEK versions that an item's strings name, other than the given DEK; {@link unparsableDekVersion} for strings that
 * name none.
 */
export function otherDekVersions(dek: Dek, content: ReadVersion): Set<number> {
  if (isMalformed(content)) return new Set([unparsableDekVersion]);
  const others = [content.value, content.info].filter((sealed) => !hasHeaderOfDek(dek, sealed));
  return new Set(
    others.map((sealed) => {
      const version = undefinedIfUndecryptable(() => parseDekVersion(sealed));
      // A string that names the active or a later version lacks the active DEK's commitment.
      return version === undefined || version >= dek.version ? unparsableDekVersion : version;
    }),
  );
}
