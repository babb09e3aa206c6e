/** A device of the model: its storage can lose power at any write, and its connection can break at any request. */

import type { DeviceKeys } from '../../core/devices/device-keys.ts';
import type { Bytes } from '../../core/encoding/bytes.ts';
import { UserDeviceRequests } from '../../sdk/src/device/device-requests.ts';
import { DeviceVault } from '../../sdk/src/device/device-vault.ts';
import { DeviceVaultError } from '../../sdk/src/device/device-vault-error.ts';
import { createVault, openEngine, type VaultContext } from '../../sdk/src/device/open-vault.ts';
import { memoryStorage } from '../../sdk/src/device/storage/memory-storage.ts';
import type { DeviceStorage } from '../../sdk/src/device/storage/storage-ports.ts';
import type { DeviceVaultEngine } from '../../sdk/src/device/vault-engine.ts';
import { Transport } from '../../sdk/src/http/transport.ts';
import { resolveClientSettings } from '../../sdk/src/shared/client-options.ts';
import { AnimaError } from '../../sdk/src/shared/errors.ts';
import { baseURL, owner, userKey } from '../sdk/fake-fetch.ts';
import type { InMemoryDeviceService } from './in-memory-device-service.ts';

/** Random decisions that a seed repeats (mulberry32). */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
  chance(of: number): boolean {
    return this.next() < of;
  }
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }
  /** One of a list that is not empty. */
  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** When a storage fails: at which write from now on, before or after it is stored. */
interface PowerLoss {
  left: number;
  readonly when: 'before' | 'after';
}

/** The keys that a device had, and all UMKs. */
export interface Remembered {
  readonly keys: DeviceKeys;
  readonly umks: readonly Bytes[];
}

/** The code of an error; `temporary` for a connection or a service that failed for a while. */
export function codeOf(error: unknown): string {
  if (error instanceof AnimaError && error.retryable) return 'temporary';
  const isKnown = error instanceof AnimaError || error instanceof DeviceVaultError;
  return isKnown ? error.code : String(error);
}

let made = 0;

export class ModelDevice {
  readonly name = `device ${++made}`;
  readonly context: VaultContext;
  /** Share of requests whose connection breaks, before and after they are served. */
  breaking = 0;
  isOffline = false;
  powerLoss: PowerLoss | undefined;
  /** Entries after a checkpoint until this device makes the next one. */
  checkpointEvery = 5;
  remembered: Remembered | undefined;
  #vault: DeviceVault | undefined;

  constructor(service: InMemoryDeviceService, random: SeededRandom) {
    const broken = (when: 'before' | 'after') => (when === 'before' && this.isOffline) || random.chance(this.breaking);
    const fetch = service.fetchOf(broken);
    const transport = new Transport(resolveClientSettings({ apiKey: userKey, baseURL, fetch, maxRetries: 0 }));
    this.context = { transport, user: new UserDeviceRequests(transport), storage: this.#storage(), owner };
  }

  #storage(): DeviceStorage {
    const inner = memoryStorage();
    const open: DeviceStorage['data']['open'] = async (scope) => {
      const data = await inner.data.open(scope);
      return {
        ...data,
        write: async (batch) => {
          const loss = this.powerLoss;
          const fails = loss !== undefined && loss.left-- <= 1;
          if (fails) this.powerLoss = undefined;
          if (fails && loss.when === 'before') throw new Error('power off');
          await data.write(batch);
          if (fails) throw new Error('power off');
        },
      };
    };
    return { keys: inner.keys, data: { delete: (scope) => inner.data.delete(scope), open } };
  }

  get settings() {
    return this.context.transport.callSettings({});
  }

  get vault(): DeviceVault {
    if (this.#vault === undefined) throw new Error('the vault is not open');
    return this.#vault;
  }

  get isOpen(): boolean {
    return this.#vault !== undefined;
  }

  /** False after its storage failed, until it is restarted. */
  get isPowered(): boolean {
    try {
      this.engine.store.assertUsable();
      return true;
    } catch {
      return false;
    }
  }

  get id(): string {
    return this.vault.device;
  }

  get engine(): DeviceVaultEngine {
    return this.vault.engine;
  }

  async create(): Promise<void> {
    await this.use(await createVault(this.context, 'first', this.settings));
  }

  async use(engine: DeviceVaultEngine): Promise<void> {
    this.#vault = await DeviceVault.over(this.context, engine);
    this.#vault.upkeep.every = this.checkpointEvery;
  }

  async open(vault: string): Promise<void> {
    this.powerLoss = undefined;
    await this.use(await openEngine(this.context, vault));
  }

  /** The process ends, also in the middle of something, and begins again. */
  async restart(): Promise<void> {
    const { scope } = this.vault;
    await this.vault.close();
    await this.open(scope.vault);
  }

  toggleConnection(): void {
    this.isOffline = !this.isOffline;
  }

  toggleBreaking(): void {
    this.breaking = this.breaking > 0 ? 0 : 0.15;
  }

  /** Copies all keys that the device has now, as somebody does who does not let it forget them. */
  remember(): void {
    const { keys, view } = this.engine;
    const umks = view.state.epochs.flatMap((_, at) => view.key(at + 1)?.umk.slice() ?? []);
    this.remembered ??= { keys, umks };
  }

  /** Nothing breaks any more. */
  repair(): void {
    this.breaking = 0;
    this.isOffline = false;
    this.powerLoss = undefined;
  }
}
