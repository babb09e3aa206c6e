/** Encrypts and decrypts versions of values (docs/format.md, section 4). */

import type { Metadata, VersionInfo } from '../../contract/values/wire.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { u64 } from '../../core/encoding/length-prefixed-fields.ts';
import type { Dek } from '../../core/encryption/root-key.ts';
import { open, type SealContext, seal } from '../../core/encryption/sealed-string.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { StoredVersion } from '../shared/ports.ts';

type SealPurpose = 'vault.value' | 'vault.info';

const sealContext = (purpose: SealPurpose, org: string, name: string, version: number): SealContext => {
  // The table is not trusted, so an invalid version number fails like any other corruption.
  if (!Number.isSafeInteger(version) || version < 1) throw new DecryptionError();
  return [purpose, org, name, u64(version)];
};

/** Encrypts one version: the value, and separately its metadata, so that lists need not read the value. */
export function encryptVersion(
  dek: Dek,
  name: string,
  info: VersionInfo,
  value: string,
  writeId: string,
): StoredVersion {
  const { version, ...infoFields } = info;
  const encryptFor = (purpose: SealPurpose, text: string) =>
    seal(dek, sealContext(purpose, dek.org, name, version), Buffer.from(text, 'utf8'));
  return {
    version,
    value: encryptFor('vault.value', value),
    info: encryptFor('vault.info', JSON.stringify(infoFields)),
    writeId,
  };
}

/** @throws DecryptionError */
export async function decryptValue(keys: OpenKeyring, name: string, stored: StoredVersion): Promise<string> {
  const dek = await keys.dekOf(stored.value);
  return open(dek, sealContext('vault.value', dek.org, name, stored.version), stored.value).toString('utf8');
}

/** @throws DecryptionError */
export async function decryptInfo(
  keys: OpenKeyring,
  name: string,
  stored: { readonly version: number; readonly info: string },
): Promise<VersionInfo> {
  const dek = await keys.dekOf(stored.info);
  const text = open(dek, sealContext('vault.info', dek.org, name, stored.version), stored.info).toString('utf8');
  // Authenticated, so it is exactly what encryptVersion wrote and needs no further validation.
  const infoFields: { createdAt: string; expiresAt?: string; metadata: Metadata } = JSON.parse(text);
  return { version: stored.version, ...infoFields };
}

/** Re-encrypts the strings of one version with a DEK. @throws DecryptionError */
export async function reencryptVersion(
  keys: OpenKeyring,
  dek: Dek,
  name: string,
  { version, value, info, writeId }: StoredVersion,
): Promise<StoredVersion> {
  const reencrypt = async (purpose: SealPurpose, sealed: string) => {
    const context = sealContext(purpose, dek.org, name, version);
    const plaintext = open(await keys.dekOf(sealed), context, sealed);
    const resealed = seal(dek, context, plaintext);
    plaintext.fill(0);
    return resealed;
  };
  return { version, value: await reencrypt('vault.value', value), info: await reencrypt('vault.info', info), writeId };
}

/** Whether a version has expired. */
export const isVersionExpired = (info: VersionInfo, now: Date): boolean =>
  info.expiresAt !== undefined && Date.parse(info.expiresAt) <= now.getTime();
