/**
 * Keys of vaults in files. The private keys of the device are encrypted under the storage key, which is in the key store
 * of the operating system if there is one, and otherwise in a file.
 */
import { exportDeviceKeys, generateDeviceKeys, importDeviceKeys } from '../../../../core/devices/device-keys.ts';
import {
  importLocalKey,
  type LocalKey,
  newLocalKeyBytes,
  openLocal,
  sealLocal,
} from '../../../../core/devices/local-box.ts';
import type { VaultScope } from '../../../../core/devices/vault-scope.ts';
import { type Bytes, equalBytes } from '../../../../core/encoding/bytes.ts';
import { deviceError } from '../device-errors.ts';
import { type KeyStore, type LocalKeyStore, type StoredKeys, scopeName } from '../storage/storage-ports.ts';
import { makeFolder, type NodeModules, readIfPresent, removeIfPresent, replaceFile } from './node-modules.ts';

/**
 * The key store of the operating system, for example by a package. Each function may throw if there is none, or if it is
 * locked.
 */
export interface OsKeyring {
  /** For people: `the keychain of macOS`. */
  readonly name: string;
  get(account: string): Promise<Uint8Array | undefined>;
  set(account: string, secret: Uint8Array): Promise<void>;
  delete(account: string): Promise<void>;
}

const storageKeyFile = 'storage-key';
const deviceKeysFile = 'device-keys';

export class NodeKeyStore implements KeyStore, LocalKeyStore {
  readonly #node: NodeModules;
  readonly #folder: string;
  readonly #keyring: OsKeyring | undefined;

  constructor(node: NodeModules, folder: string, keyring: OsKeyring | undefined) {
    this.#node = node;
    this.#folder = folder;
    this.#keyring = keyring;
  }

  async describe(scope: VaultScope): Promise<string> {
    const inFile = await readIfPresent(this.#node, `${this.#folderOf(scope)}/${storageKeyFile}`);
    inFile?.fill(0);
    const place = `in files in ${this.#folderOf(scope)}`;
    if (inFile === undefined && this.#keyring !== undefined)
      return `${place}, encrypted under a key in ${this.#keyring.name}`;
    const protection =
      this.#node.process.platform === 'win32'
        ? 'On Windows the mode of a file protects nothing: every program that can read the folder can use them.'
        : 'Only the mode of the files protects them: every program of this account can use them.';
    return `${place}, without a key store of the operating system. ${protection}`;
  }

  async create(scope: VaultScope): Promise<StoredKeys> {
    const folder = this.#folderOf(scope);
    await makeFolder(this.#node, folder);
    const bytes = newLocalKeyBytes();
    try {
      await this.#storeStorageKey(scope, bytes);
      const local = await importLocalKey(bytes);
      const exported = await exportDeviceKeys(await generateDeviceKeys(true));
      await replaceFile(this.#node, folder, deviceKeysFile, await sealLocal(local, scope, deviceKeysFile, exported));
      return { local, device: await importDeviceKeys(exported).finally(() => exported.fill(0)) };
    } finally {
      bytes.fill(0);
    }
  }

  async load(scope: VaultScope): Promise<StoredKeys | undefined> {
    const sealed = await readIfPresent(this.#node, `${this.#folderOf(scope)}/${deviceKeysFile}`);
    if (sealed === undefined) return undefined;
    const bytes = await this.#loadStorageKey(scope);
    try {
      const local = await importLocalKey(bytes);
      const exported = await openLocal(local, scope, deviceKeysFile, sealed);
      return { local, device: await importDeviceKeys(exported).finally(() => exported.fill(0)) };
    } catch {
      throw deviceError('storage_damaged', { detail: 'the keys of the device' });
    } finally {
      bytes.fill(0);
    }
  }

  async createLocal(scope: VaultScope): Promise<LocalKey> {
    await makeFolder(this.#node, this.#folderOf(scope));
    const bytes = newLocalKeyBytes();
    try {
      await this.#storeStorageKey(scope, bytes);
      return await importLocalKey(bytes);
    } finally {
      bytes.fill(0);
    }
  }

  async loadLocal(scope: VaultScope): Promise<LocalKey> {
    const bytes = await this.#loadStorageKey(scope);
    try {
      return await importLocalKey(bytes);
    } catch {
      throw deviceError('storage_damaged', { detail: 'the storage key' });
    } finally {
      bytes.fill(0);
    }
  }

  async delete(scope: VaultScope): Promise<void> {
    const folder = this.#folderOf(scope);
    await removeIfPresent(this.#node, `${folder}/${storageKeyFile}`);
    await removeIfPresent(this.#node, `${folder}/${deviceKeysFile}`);
    await this.#keyring?.delete(scopeName(scope)).catch(() => undefined);
  }

  #folderOf(scope: VaultScope): string {
    return `${this.#folder}/${scopeName(scope)}`;
  }

  async #storeStorageKey(scope: VaultScope, bytes: Bytes): Promise<void> {
    if (this.#keyring !== undefined && (await storedIn(this.#keyring, scopeName(scope), bytes))) {
      // One from before, which would be used instead.
      await removeIfPresent(this.#node, `${this.#folderOf(scope)}/${storageKeyFile}`);
      return;
    }
    await replaceFile(this.#node, this.#folderOf(scope), storageKeyFile, bytes);
  }

  /** @throws DeviceVaultError storage_damaged if the key store answers that it does not have the key; keys_locked */
  async #loadStorageKey(scope: VaultScope): Promise<Bytes> {
    const inFile = await readIfPresent(this.#node, `${this.#folderOf(scope)}/${storageKeyFile}`);
    if (inFile !== undefined) return inFile;
    if (this.#keyring === undefined) throw deviceError('keys_locked', { detail: 'no key store can be used here' });
    const inKeyring = await this.#keyring.get(scopeName(scope)).catch(() => {
      throw deviceError('keys_locked');
    });
    if (inKeyring !== undefined) return new Uint8Array(inKeyring);
    throw deviceError('storage_damaged', { detail: 'the key store of the operating system does not have the key' });
  }
}

/** Whether the key store took the secret and returns it. */
async function storedIn(keyring: OsKeyring, account: string, secret: Bytes): Promise<boolean> {
  try {
    await keyring.set(account, secret);
    const found = await keyring.get(account);
    return found !== undefined && equalBytes(found, secret);
  } catch {
    return false;
  }
}
