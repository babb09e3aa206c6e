/** Encrypts and decrypts versions of values (docs/format.md, section 4). */

import type { Metadata, VersionInfo } from '../../contract/values/wire.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { u64 } from '../../core/encoding/length-prefixed-fields.ts';
import type { Dek } from '../../core/encryption/root-key.ts';
import { hasHeaderOfDek, open, type SealContext, seal } from '../../core/encryption/sealed-string.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import { awaitDecryption } from '../shared/error-classification.ts';
import type { StoredVersion } from '../shared/ports.ts';

type SealPurpose = 'vault.value' | 'vault.info';

/** What identifies a version of a value. Both of its sealed strings are bound to all three. */
export type VersionId = Pick<StoredVersion, 'life' | 'version' | 'writeId'>;

const sealContext = (
  purpose: SealPurpose,
  org: string,
  name: string,
  { life, version, writeId }: VersionId,
): SealContext => {
  // The table is not trusted, so an invalid version number fails like any other corruption.
  if (!Number.isSafeInteger(version) || version < 1) throw new DecryptionError();
  return [purpose, org, name, life, u64(version), writeId];
};

/** What is encrypted beside a value. */
export type SealedInfo = Omit<VersionInfo, 'version'> & {
  /** Present for tripwires. Never part of a response. */
  readonly tripwire?: true | undefined;
};

/** Encrypts one version: the value, and separately its metadata, so that lists need not read the value. */
export function encryptVersion(
  dek: Dek,
  name: string,
  { life, version, writeId }: VersionId,
  info: SealedInfo,
  value: string,
): StoredVersion {
  const encryptFor = (purpose: SealPurpose, text: string) =>
    seal(dek, sealContext(purpose, dek.org, name, { life, version, writeId }), Buffer.from(text, 'utf8'));
  return {
    life,
    version,
    writeId,
    value: encryptFor('vault.value', value),
    info: encryptFor('vault.info', JSON.stringify(info)),
  };
}

/** @throws DecryptionError */
export async function decryptValue(keys: OpenKeyring, name: string, stored: StoredVersion): Promise<string> {
  const dek = await keys.dekOf(stored.value);
  return open(dek, sealContext('vault.value', dek.org, name, stored), stored.value).toString('utf8');
}

/** The facts that callers may see. @throws DecryptionError */
export async function decryptInfo(
  keys: OpenKeyring,
  name: string,
  stored: Omit<StoredVersion, 'value'>,
): Promise<VersionInfo> {
  return (await decryptSealedInfo(keys, name, stored)).info;
}

/** The facts that callers may see, and whether the value is a tripwire. @throws DecryptionError */
export async function decryptSealedInfo(
  keys: OpenKeyring,
  name: string,
  stored: Omit<StoredVersion, 'value'>,
): Promise<{ readonly info: VersionInfo; readonly isTripwire: boolean }> {
  const dek = await keys.dekOf(stored.info);
  const text = open(dek, sealContext('vault.info', dek.org, name, stored), stored.info).toString('utf8');
  // Authenticated, so it is exactly what encryptVersion wrote and needs no further validation.
  const { tripwire, ...fields }: { createdAt: string; expiresAt?: string; metadata: Metadata; tripwire?: true } =
    JSON.parse(text);
  return { info: { version: stored.version, ...fields }, isTripwire: tripwire === true };
}

/** Re-encrypts the strings of one version with a DEK. @throws DecryptionError */
export async function reencryptVersion(
  keys: OpenKeyring,
  dek: Dek,
  name: string,
  { life, version, writeId, value, info }: StoredVersion,
): Promise<StoredVersion> {
  const reencrypt = async (purpose: SealPurpose, sealed: string) => {
    const context = sealContext(purpose, dek.org, name, { life, version, writeId });
    const plaintext = open(await keys.dekOf(sealed), context, sealed);
    const resealed = seal(dek, context, plaintext);
    plaintext.fill(0);
    return resealed;
  };
  return {
    life,
    version,
    writeId,
    value: await reencrypt('vault.value', value),
    info: await reencrypt('vault.info', info),
  };
}

/**
 * A version as it is stored in a history slot: encrypted with the active DEK. Strings under another DEK are encrypted
 * again, because a copy of them would be a new use of a DEK that is to be retired. Returns undefined if that fails: a
 * version that cannot be decrypted is not kept.
 */
export async function encryptForHistory(
  keys: OpenKeyring,
  active: Dek,
  name: string,
  { life, version, writeId, value, info }: StoredVersion,
): Promise<StoredVersion | undefined> {
  const kept = { life, version, writeId, value, info };
  if (hasHeaderOfDek(active, value) && hasHeaderOfDek(active, info)) return kept;
  return await awaitDecryption(reencryptVersion(keys, active, name, kept));
}

/** Whether a version has expired. */
export const isVersionExpired = (info: VersionInfo, now: Date): boolean =>
  info.expiresAt !== undefined && Date.parse(info.expiresAt) <= now.getTime();
