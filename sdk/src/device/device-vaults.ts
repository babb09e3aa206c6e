import { isOpaqueIdText } from '../../../core/devices/vault-scope.ts';
import { boundedTransport } from '../http/bounded-transport.ts';
import type { Transport } from '../http/transport.ts';
import { checkConfirm, notSentError } from '../shared/argument-validation.ts';
import { checkOptions } from '../shared/check-options.ts';
import { type CallOptions, resolveClientSettings } from '../shared/client-options.ts';
import { UserDeviceRequests } from './device-requests.ts';
import type {
  ConfirmVaultOptions,
  DeviceVaultInfo,
  DeviceVaultsOptions,
  JoinByQrOptions,
  JoinOptions,
  RecoverOptions,
  RecoveryCode,
  ShowJoinQrOptions,
} from './device-types.ts';
import { DeviceVault } from './device-vault.ts';
import { type JoinWay, joinVault } from './join-vault.ts';
import { createVault, forgetStored, openEngine, scopeOf, type VaultContext } from './open-vault.ts';
import { recoverToDevice } from './recover-vault.ts';

/** Options of a new vault. */
export interface CreateVaultOptions extends CallOptions {
  /** Name of this device, for people. Encrypted. */
  readonly label?: string | undefined;
}

/**
 * The device vaults of a user: records that only the user's own devices can open.
 *
 *     const vaults = new DeviceVaults({ apiKey: process.env.ANIMA_KEY, storage: indexedDbStorage() });
 *     const vault = await vaults.create({ label: 'Laptop' });
 */
export class DeviceVaults {
  readonly #context: VaultContext;

  /** @throws AnimaError as the main client; invalid_argument without an owner */
  constructor(options: DeviceVaultsOptions) {
    const { storage, owner, ...rest } = options;
    const transport = boundedTransport(resolveClientSettings(rest, ['storage', 'owner']));
    this.#context = {
      transport,
      user: new UserDeviceRequests(transport),
      storage,
      owner: ownerOf(owner, transport),
    };
  }

  /**
   * Makes a new vault, with this device as its only member. It is safe against the loss of this device only after a
   * second device or a recovery code was added.
   */
  async create({ label, ...options }: CreateVaultOptions = {}): Promise<DeviceVault> {
    const settings = this.#context.transport.callSettings(options, 'label');
    return await DeviceVault.over(this.#context, await createVault(this.#context, label, settings));
  }

  /** The user's vaults, by the word of the service. */
  async list(options: CallOptions = {}): Promise<readonly DeviceVaultInfo[]> {
    return await this.#context.user.list(this.#context.transport.callSettings(options));
  }

  /**
   * Opens a vault that this device is a member of. Sends nothing: works offline.
   * @throws DeviceVaultError vault_unknown, vault_in_use, storage_damaged, keys_locked
   */
  async open(vault: string): Promise<DeviceVault> {
    return await DeviceVault.over(this.#context, await openEngine(this.#context, vault));
  }

  /**
   * Makes this device a member of a vault: it shows a code, which a person compares with that on an admin device. Nothing
   * is stored before all checks passed.
   * @throws DeviceVaultError not_confirmed, pairing_expired, pairing_refused, admission_refused, vault_exists
   */
  async join({ vault, confirm, onWaiting, ...options }: JoinOptions): Promise<DeviceVault> {
    return await this.#join(vault, { way: 'code', confirm, onWaiting }, options, 'confirm', 'onWaiting');
  }

  /** As `join`, with the QR code that an admin device displays. @param text of the QR code */
  async joinByQr(text: string, { vault, ...options }: JoinByQrOptions): Promise<DeviceVault> {
    return await this.#join(vault, { way: 'scan', text }, options);
  }

  /** As `join`, with a QR code that an admin device scans. */
  async showJoinQr({ vault, show, ...options }: ShowJoinQrOptions): Promise<DeviceVault> {
    return await this.#join(vault, { way: 'show', show }, options, 'show');
  }

  /**
   * Recovers a vault with its recovery code. This device is then its only one, and the used code is no longer valid: show
   * the new one to the person.
   * @throws DeviceVaultError code_mistyped, code_refused, code_replaced, chain_rolled_back, recovery_missing, vault_exists
   */
  async recover({ vault, code, label, ...options }: RecoverOptions): Promise<RecoveredDeviceVault> {
    const settings = this.#context.transport.callSettings(options, 'vault', 'code', 'label');
    const recovered = await recoverToDevice(this.#context, vault, { code, label }, settings);
    return { vault: await DeviceVault.over(this.#context, recovered.engine), recovery: recovered.code };
  }

  /**
   * Deletes the keys and the copy of a vault from this device, queued changes included. Other devices and the service keep
   * theirs; this device stays a member until it is removed. The vault must be closed here. A damaged copy is deleted too.
   * @throws DeviceVaultError vault_in_use; AnimaError invalid_argument
   */
  async forget(vault: string, options: { readonly confirm: string }): Promise<void> {
    checkOptions(options, ['confirm']);
    checkConfirm(options.confirm, vault);
    await forgetStored(this.#context, vault);
  }

  /**
   * Deletes a vault from the service for all devices. A vault that was not closed is deleted by a second call after seven
   * days (`deletableAt`); until then, an admin device can cancel it (`keep`). Copies on devices stay.
   * @throws AnimaError device_vault_not_found, invalid_argument
   */
  async delete(vault: string, { confirm, ...options }: ConfirmVaultOptions): Promise<DeletedVault> {
    checkConfirm(confirm, vault);
    const settings = this.#context.transport.callSettings(options, 'confirm');
    return await this.#context.user.delete(scopeOf(this.#context, vault).vault, settings);
  }

  async #join(vault: string, way: JoinWay, options: CallOptions, ...own: string[]): Promise<DeviceVault> {
    const settings = this.#context.transport.callSettings(options, 'vault', ...own);
    return await DeviceVault.over(this.#context, await joinVault(this.#context, vault, way, settings));
  }
}

/** What is left of a vault whose deletion was requested. */
export type DeletedVault = Awaited<ReturnType<UserDeviceRequests['delete']>>;

/** A recovered vault, and the new code that replaces the one that was used. */
export interface RecoveredDeviceVault {
  readonly vault: DeviceVault;
  readonly recovery: RecoveryCode;
}

/** @throws AnimaError invalid_argument */
function ownerOf(given: DeviceVaultsOptions['owner'], transport: Transport): VaultContext['owner'] {
  const owner = given ?? transport.owner;
  if (owner !== undefined && isOpaqueIdText(owner.org) && isOpaqueIdText(owner.user))
    return { org: owner.org, user: owner.user };
  throw notSentError('invalid_argument', 'a user key, or owner with the ids of organization and user, is required');
}
