/** A device vault as the independent reader takes it: the log as the service sends it, and a credential. */
import { expect } from 'vitest';
import type { ReadDeviceLogResponse } from '../../contract/devices/wire.ts';
import { type DeviceKeys, exportDeviceKeys, generateDeviceKeys } from '../../core/devices/device-keys.ts';
import { generateLocalCryptoKey, localKeyOf } from '../../core/devices/local-box.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import { decodeFieldBytes } from '../../core/encoding/field-reader.ts';
import {
  type DeviceStorage,
  DeviceVaults,
  type KeyStore,
  memoryStorage,
  type StoredKeys,
} from '../../sdk/src/device/index.ts';
import { type DeviceUser, expectOk, sendSigned } from '../devices/signed-device-requests.ts';
import type { LocalStack } from '../shared/local-stack.ts';

/** Keys in memory that the test can export. The stores of the SDK do not give theirs away. */
class ExportableKeys implements KeyStore {
  #keys: StoredKeys | undefined;

  get device(): DeviceKeys {
    return this.#keys?.device ?? expect.fail('no keys');
  }

  async describe(): Promise<string> {
    return 'in the memory of a test';
  }

  async create(): Promise<StoredKeys> {
    this.#keys = { device: await generateDeviceKeys(true), local: localKeyOf(await generateLocalCryptoKey()) };
    return this.#keys;
  }

  async load(): Promise<StoredKeys | undefined> {
    return this.#keys;
  }

  async delete(): Promise<void> {
    this.#keys = undefined;
  }
}

/** A device of a user, with one vault. */
export class ExportableDevice {
  readonly #keys = new ExportableKeys();
  readonly vaults: DeviceVaults;

  constructor(stack: LocalStack, user: DeviceUser) {
    const storage: DeviceStorage = { keys: this.#keys, data: memoryStorage().data };
    this.vaults = new DeviceVaults({ apiKey: user.key, baseURL: stack.vault.url, storage });
  }

  get keys(): DeviceKeys {
    return this.#keys.device;
  }

  /** The member `device` of the file. */
  async credential(): Promise<{ device: { ecdh: string; ecdsa: string } }> {
    const [, ecdh, , ecdsa] = decodeFieldBytes(await exportDeviceKeys(this.keys)) ?? [];
    const toHex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? expect.fail('no key')).toString('hex');
    return { device: { ecdh: toHex(ecdh), ecdsa: toHex(ecdsa) } };
  }
}

/** The scope and the whole log, read with the signature of a member. */
export async function exportLog(stack: LocalStack, scope: VaultScope, member: DeviceKeys): Promise<object> {
  const path = `/v1/device-vaults/${scope.vault}/log?after=0`;
  const answer = await sendSigned(stack, member, scope, 'GET', path);
  await expectOk(answer);
  const { entries, more }: ReadDeviceLogResponse = await answer.json();
  expect(more).toBe(false);
  return { ...scope, entries };
}
