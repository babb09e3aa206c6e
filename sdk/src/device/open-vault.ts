/** Opens and makes the engine of a vault on this device. */
import { type DeviceKeys, publicKeysOf } from '../../../core/devices/device-keys.ts';
import { deriveEpochKey, type EpochKey, newUmk, sealLabel } from '../../../core/devices/epoch-keys.ts';
import { maxLabelBytes } from '../../../core/devices/limits.ts';
import { isOpaqueIdText, type VaultScope } from '../../../core/devices/vault-scope.ts';
import { draftRoster } from '../../../core/devices/write-entry.ts';
import { type Bytes, toBase64, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { crockfordAlphabet } from '../../../core/encoding/crockford-base32.ts';
import type { Transport } from '../http/transport.ts';
import { notSentError } from '../shared/argument-validation.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { deviceError } from './device-errors.ts';
import { DeviceRequests, type UserDeviceRequests } from './device-requests.ts';
import { DeviceVaultError } from './device-vault-error.ts';
import type { PendingEntry } from './pending-entry.ts';
import type { DeviceStorage, StoredKeys, VaultData } from './storage/storage-ports.ts';
import { DeviceVaultEngine } from './vault-engine.ts';
import { VaultStore } from './vault-store.ts';

/** What the vaults of a user on this device share. */
export interface VaultContext {
  readonly transport: Transport;
  readonly user: UserDeviceRequests;
  readonly storage: DeviceStorage;
  readonly owner: { readonly org: string; readonly user: string };
}

/** The scope of a vault of this user. @throws AnimaError invalid_argument */
export function scopeOf({ owner }: VaultContext, vault: unknown): VaultScope {
  if (typeof vault === 'string' && isOpaqueIdText(vault)) return { ...owner, vault };
  throw notSentError('invalid_argument', 'vault must be the id of a device vault, 16 characters of 0-9 a-z');
}

/** A random id of a vault or a pairing: 80 bits. */
export const newOpaqueId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => crockfordAlphabet.charAt(byte & 31)).join('');

/**
 * Opens the vault that this device has. Nothing is sent.
 * @throws DeviceVaultError vault_unknown, vault_in_use, storage_damaged, keys_locked
 */
export async function openEngine(context: VaultContext, vault: string): Promise<DeviceVaultEngine> {
  const scope = scopeOf(context, vault);
  return await withLock(context, scope, async (data) => {
    const keys = await context.storage.keys.load(scope);
    // Keys alone are of an attempt that failed. Without a verified entry, this device would believe any log.
    if (keys === undefined || (await data.list('')).length === 0) throw deviceError('vault_unknown');
    return await engineOf(context, scope, data, keys);
  });
}

/**
 * New keys and an empty copy of a vault, for a device that joins or recovers it. What a failed attempt left is replaced.
 * @throws DeviceVaultError vault_exists if this device has a copy of the vault
 */
export async function newEngine(context: VaultContext, vault: string): Promise<DeviceVaultEngine> {
  const scope = scopeOf(context, vault);
  return await withLock(context, scope, async (data) => {
    if ((await data.list('')).length > 0) throw deviceError('vault_exists');
    return await engineOf(context, scope, data, await context.storage.keys.create(scope));
  });
}

/** Deletes keys and copy of a vault from this device. The engine is closed first. */
export async function forgetVault({ storage }: VaultContext, engine: DeviceVaultEngine): Promise<void> {
  const { scope } = engine;
  await engine.close();
  // The keys first: without them, whatever is left of the copy opens nothing.
  await storage.keys.delete(scope);
  await storage.data.delete(scope);
}

/** As {@link forgetVault}, of a vault that is not open. What is stored is not read. */
export async function forgetStored(context: VaultContext, vault: string): Promise<void> {
  const scope = scopeOf(context, vault);
  const { keys, data } = context.storage;
  // Takes the lock, so that nobody else has the vault open. A damaged copy, too, is to be deleted.
  try {
    await (await data.open(scope)).close();
  } catch (error) {
    if (!(error instanceof DeviceVaultError && error.code === 'storage_damaged')) throw error;
  }
  await keys.delete(scope);
  await data.delete(scope);
}

/** Begins a new vault, with this device as its first member. */
export async function createVault(
  context: VaultContext,
  label: string | undefined,
  settings: CallSettings,
): Promise<DeviceVaultEngine> {
  const text = checkLabel(label);
  const engine = await newEngine(context, newOpaqueId());
  try {
    await engine.append(async ({ state }) => {
      const key = await deriveEpochKey(engine.scope, 1, newUmk());
      const member = await newMemberOf(engine.keys, 'admin', key, text);
      return { kind: 'genesis', key, ...(await draftRoster(state, { kind: 'genesis', member }, key, undefined)) };
    }, settings);
    return engine;
  } catch (error) {
    // The first entry may have been stored: the copy stays, and `open` sends the same bytes again.
    await engine.close();
    throw error;
  }
}

/** Validates a label. @throws AnimaError invalid_argument */
export function checkLabel(label: unknown): string {
  if (label === undefined) return '';
  if (typeof label === 'string' && label.isWellFormed() && utf8Bytes(label).length <= maxLabelBytes - boxBytes)
    return label;
  throw notSentError(
    'invalid_argument',
    `label must be a well-formed text of at most ${maxLabelBytes - boxBytes} bytes`,
  );
}

/** By which a label box is longer than the label. */
const boxBytes = 28;

/** A device as a member of the roster. @param key keys of the epoch after the entry that adds it */
export const newMemberOf = async <R extends 'admin' | 'data'>(
  keys: DeviceKeys,
  role: R,
  key: EpochKey,
  label: string,
): Promise<{ id: string; ecdh: Bytes; ecdsa: Bytes; role: R; label: Bytes }> => ({
  id: keys.id,
  ...publicKeysOf(keys),
  role,
  label: label === '' ? new Uint8Array(0) : await sealLabel(key, keys.id, utf8Bytes(label)),
});

/** Takes the lock, and releases it if the rest fails. */
async function withLock<T>(
  { storage }: VaultContext,
  scope: VaultScope,
  use: (data: VaultData) => Promise<T>,
): Promise<T> {
  const data = await storage.data.open(scope);
  try {
    return await use(data);
  } catch (error) {
    await data.close();
    throw error;
  }
}

async function engineOf(
  { transport, user }: VaultContext,
  scope: VaultScope,
  data: VaultData,
  { device, local }: StoredKeys,
): Promise<DeviceVaultEngine> {
  const create = async ({ signed, wraps }: PendingEntry, settings: CallSettings) => {
    const body = { vault: scope.vault, entry: toBase64(signed), wraps: toBase64(wraps ?? new Uint8Array(0)) };
    const { vault } = await user.create(body, settings);
    if (vault !== scope.vault) throw deviceError('bad_envelope', { reason: 'other_vault' });
  };
  const requests = new DeviceRequests(transport, scope, device);
  return await DeviceVaultEngine.open({
    scope,
    keys: device,
    store: new VaultStore(data, local, scope),
    requests,
    create,
  });
}
