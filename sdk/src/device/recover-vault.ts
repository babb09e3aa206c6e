/** Recovers a vault to this device: stores its keys before the entry that makes it the only member is sent. */
import type { DeviceKeys } from '../../../core/devices/device-keys.ts';
import { fromBase64 } from '../../../core/encoding/bytes.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { deviceError } from './device-errors.ts';
import { DeviceRequests } from './device-requests.ts';
import { openEngine, scopeOf, type VaultContext } from './open-vault.ts';
import { type Recovered, type RecoverInput, recoverVault } from './recovery/recover.ts';
import type { RecoveryDevice } from './recovery/recovery-ports.ts';
import { StagedData } from './storage/staged-data.ts';
import type { StoredKeys, VaultData } from './storage/storage-ports.ts';
import { DeviceVaultEngine } from './vault-engine.ts';
import { VaultStore } from './vault-store.ts';

export interface RecoveredVault extends Recovered {
  readonly engine: DeviceVaultEngine;
}

/**
 * Recovers the vault with its code. A recovery that was interrupted or refused is tried again with the same keys: only
 * the service says whether its entry was stored, and a hostile one could say no to make the only keys be deleted.
 * @throws DeviceVaultError vault_exists, and those of the recovery
 */
export async function recoverToDevice(
  context: VaultContext,
  vault: string,
  input: RecoverInput,
  settings: CallSettings,
): Promise<RecoveredVault> {
  await requireNoMember(context, vault, settings);
  const session = await RecoverySession.begin(context, vault);
  try {
    const { code } = await recoverVault(session, input, settings);
    return { code, engine: session.opened() };
  } catch (error) {
    await session.end();
    throw error;
  }
}

/**
 * Passes if this device has nothing of the vault, or what an attempt left that did not make it a member.
 * @throws DeviceVaultError vault_exists
 */
async function requireNoMember(context: VaultContext, vault: string, settings: CallSettings): Promise<void> {
  const engine = await openEngine(context, vault).catch((error: unknown) => {
    if (isCode(error, 'vault_unknown')) return undefined;
    throw error;
  });
  if (engine === undefined) return;
  try {
    if (!(await isLeftover(engine, settings))) throw deviceError('vault_exists');
  } finally {
    await engine.close();
  }
}

async function isLeftover(engine: DeviceVaultEngine, settings: CallSettings): Promise<boolean> {
  const { head, usedIds } = engine.view.state;
  // A new vault that was not sent yet.
  if (head.seq === 0) return false;
  if (usedIds.has(engine.keys.id)) return false;
  try {
    await engine.pull(settings);
    return false;
  } catch (error) {
    if (isCode(error, 'device_refused')) return true;
    throw error;
  }
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

/** The storage side of one recovery. */
class RecoverySession implements RecoveryDevice {
  readonly scope: RecoveryDevice['scope'];
  readonly #context: VaultContext;
  readonly #data: VaultData;
  readonly #staged: StagedData;
  readonly #keys: StoredKeys;
  #engine: DeviceVaultEngine | undefined;
  /** Whether the entry that makes this device the only member may have been sent with these keys. */
  #mayBeMember: boolean;

  private constructor(
    context: VaultContext,
    scope: RecoveryDevice['scope'],
    data: VaultData,
    { keys, isKept }: { readonly keys: StoredKeys; readonly isKept: boolean },
  ) {
    this.scope = scope;
    this.#context = context;
    this.#data = data;
    this.#staged = new StagedData(data);
    this.#keys = keys;
    this.#mayBeMember = isKept;
  }

  static async begin(context: VaultContext, vault: string): Promise<RecoverySession> {
    const scope = scopeOf(context, vault);
    const data = await context.storage.data.open(scope);
    try {
      const kept = await context.storage.keys.load(scope);
      const keys = kept ?? (await context.storage.keys.create(scope));
      return new RecoverySession(context, scope, data, { keys, isKept: kept !== undefined });
    } catch (error) {
      await data.close();
      throw error;
    }
  }

  async box(settings: CallSettings) {
    const box = fromBase64(await this.#context.user.recoveryBox(this.scope.vault, settings));
    if (box === undefined) throw deviceError('code_refused', { detail: 'the recovery box is not base64' });
    return box;
  }

  async engineOf(recovery: DeviceKeys): Promise<DeviceVaultEngine> {
    const { scope } = this;
    const requests = new DeviceRequests(this.#context.transport, scope, recovery);
    const store = new VaultStore(this.#staged, this.#keys.local, scope);
    this.#engine = await DeviceVaultEngine.open({ scope, keys: recovery, store, requests });
    return this.#engine;
  }

  async prepare(): Promise<DeviceKeys> {
    await this.#staged.keep();
    this.#mayBeMember = true;
    return this.#keys.device;
  }

  /** The recovery member and the device have the same copy. The first one is closed, since a copy has one writer. */
  async open(): Promise<DeviceVaultEngine> {
    await this.#engine?.close();
    this.#engine = await openEngine(this.#context, this.scope.vault);
    return this.#engine;
  }

  opened(): DeviceVaultEngine {
    if (this.#engine === undefined) throw deviceError('not_open');
    return this.#engine;
  }

  /** After a failure. Keys stay if they may be those of the only member. */
  async end(): Promise<void> {
    if (this.#engine === undefined) await this.#data.close();
    else await this.#engine.close();
    if (this.#mayBeMember) return;
    await this.#context.storage.keys.delete(this.scope);
    await this.#context.storage.data.delete(this.scope);
  }
}
