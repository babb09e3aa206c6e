/**
 * Reads channel secrets. This is the only place where conversations use org custody, and only for the five channel
 * names.
 */
import { channelSecretsPrefix } from '../../contract/shared/environment-variables.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import type { KeyringOpener } from '../org-keys/keyring-opener.ts';
import { type Clock, isMalformed, type ReadValue } from '../shared/ports.ts';
import { decryptInfo, decryptValue, isVersionExpired } from '../values/value-encryption.ts';
import { type ChannelName, channelNames } from './channel-ports.ts';

/** Reads an organization's stored keyring and one of its values in a single strongly consistent read. */
export type ReadKeyringAndValue = (
  org: string,
  name: string,
) => Promise<{ readonly keyring: unknown; readonly value: ReadValue | undefined }>;

export class ChannelCredentialsService {
  readonly #readKeyringAndValue: ReadKeyringAndValue;
  readonly #deks: KeyringOpener;
  readonly #clock: Clock;

  constructor(readKeyringAndValue: ReadKeyringAndValue, deks: KeyringOpener, clock: Clock) {
    this.#readKeyringAndValue = readKeyringAndValue;
    this.#deks = deks;
    this.#clock = clock;
  }

  /**
   * Returns the parsed JSON of `channels/<channel>`. Returns null if the organization does not exist, is locked or is
   * shredded. Also returns null if the value is missing, has expired, is not JSON or cannot be decrypted.
   * @throws VaultError `unavailable` or `key_unavailable` if it is unknown whether a usable value exists
   */
  async getCredentials(org: string, channel: ChannelName): Promise<unknown> {
    const name = channelSecretsPrefix + channel;
    try {
      const { keyring, value } = await this.#readKeyringAndValue(org, name);
      if (keyring === undefined || value === undefined || isMalformed(value)) return null;
      const keys = await this.#deks.open(
        keyring,
        org,
        async () => (await this.#readKeyringAndValue(org, name)).keyring,
      );
      if (isVersionExpired(await decryptInfo(keys, name, value), this.#clock())) return null;
      return parseJsonOrNull(await decryptValue(keys, name, value));
    } catch (error) {
      if (error instanceof DecryptionError) return null;
      if (error instanceof VaultError && (error.code === 'org_locked' || error.code === 'org_shredded')) return null;
      throw error;
    }
  }
}

function parseJsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Parses the function's input. Returns undefined if the input is invalid or has unknown fields. */
export function parseCredentialsRequest(
  event: unknown,
): { readonly org: string; readonly channel: ChannelName } | undefined {
  if (typeof event !== 'object' || event === null) return undefined;
  const { org, channel, ...rest }: { readonly [name: string]: unknown } = { ...event };
  const known = channelNames.find((name) => name === channel);
  if (typeof org !== 'string' || !isOpaqueId(org) || known === undefined || Object.keys(rest).length > 0)
    return undefined;
  return { org, channel: known };
}
