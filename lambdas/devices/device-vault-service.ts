/** Creates, lists and deletes device vaults, for their user (docs/device-service.md, sections 2, 4 and 5). */
import { deviceLimits } from '../../contract/devices/limits.ts';
import type {
  CreateDeviceVaultResponse,
  DeleteDeviceVaultResponse,
  DeviceRecoveryResponse,
  DeviceVaultInfo,
  KeepDeviceVaultResponse,
  ListDeviceVaultsResponse,
} from '../../contract/devices/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { applyEntry } from '../../core/devices/apply-entry.ts';
import { parseSignedEntry } from '../../core/devices/chain-entry.ts';
import { initialState } from '../../core/devices/chain-state.ts';
import { isOpaqueIdText, type VaultScope } from '../../core/devices/vault-scope.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import { encodeBase64Field } from '../shared/base64-field.ts';
import { awaitDecryption } from '../shared/error-classification.ts';
import type { Clock } from '../shared/ports.ts';
import { hasPassed } from '../shared/timestamps.ts';
import type { LogStore, RosterStore } from './device-ports.ts';
import { requireAttachments } from './entry-attachments.ts';
import type { Roster, RosterVerifier } from './roster-verifier.ts';

/** Items that one round of a deletion deletes, and the time that a request spends on rounds. */
const deletedAtOnce = 100;
const deletionMs = 8_000;

export interface NewVault {
  readonly vault: string;
  readonly signed: Uint8Array;
  readonly wraps: Uint8Array;
}

export interface DeviceVaultServiceDeps {
  readonly rosters: RosterStore;
  readonly logs: LogStore;
  readonly rosterVerifier: RosterVerifier;
  readonly clock: Clock;
}

export class DeviceVaultService {
  readonly #deps: DeviceVaultServiceDeps;

  constructor(deps: DeviceVaultServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Begins a vault. The same bytes again get the same answer.
   * @throws VaultError `entry_refused`, `device_vault_exists`, `too_many_device_vaults`, `unavailable`
   */
  async create(owner: UserRef, { vault, signed, wraps }: NewVault): Promise<CreateDeviceVaultResponse> {
    const { rosters, logs, rosterVerifier, clock } = this.#deps;
    const scope: VaultScope = { ...owner, vault };
    const outcome = await applyEntry(initialState(scope), signed);
    const entry = parseSignedEntry(signed);
    if (outcome.result !== 'accept' || typeof entry === 'string') {
      const reason = outcome.result === 'stop' ? outcome.reason : 'it does not begin a vault';
      throw new VaultError('entry_refused', { detail: `The entry is refused: ${reason}. Nothing was stored.` });
    }
    const attachments = await requireAttachments(entry, { wraps });
    const existing = await rosters.get(scope);
    if (existing === undefined && (await rosters.list(owner)).length >= deviceLimits.deviceVaults) {
      throw new VaultError('too_many_device_vaults', { detail: `At most ${deviceLimits.deviceVaults} are possible.` });
    }
    if (existing === undefined) {
      for (const { kind, hash, bytes } of attachments) await rosters.putAttachment(scope, kind, hash, bytes);
    }
    // Fails also if the log of a deleted vault is still there.
    if (!(await logs.put(scope, 1, signed)) && !(await this.#beginsWith(scope, signed))) {
      throw new VaultError('device_vault_exists');
    }
    const facts = { createdAt: clock().toISOString(), logBytes: signed.length };
    const { stored } = await rosterVerifier.seal(outcome.state, facts);
    if (await rosters.create(stored)) return { vault, createdAt: stored.createdAt };
    const { createdAt } = (await rosters.get(scope)) ?? stored;
    return { vault, createdAt };
  }

  async #beginsWith(scope: VaultScope, signed: Uint8Array): Promise<boolean> {
    const stored = await this.#deps.logs.get(scope, 1);
    return stored !== undefined && equalBytes(stored, signed);
  }

  /** @throws VaultError `unavailable`, `key_unavailable` */
  async list(owner: UserRef): Promise<ListDeviceVaultsResponse> {
    const stored = await this.#deps.rosters.list(owner);
    const vaults = stored.map(async (one) => {
      if ('damaged' in one) return damagedVault(one.damaged);
      const roster = await awaitDecryption(this.#deps.rosterVerifier.open(one));
      return roster === undefined ? damagedVault(one.scope.vault) : toVaultInfo(roster);
    });
    return { vaults: await Promise.all(vaults) };
  }

  /** Whether the user has this vault. Its roster is not verified. @throws VaultError `unavailable` */
  async exists(owner: UserRef, vault: string): Promise<boolean> {
    return (await this.#find(owner, vault)) !== undefined;
  }

  /** @throws VaultError `device_vault_not_found`, `recovery_not_found`, `unavailable`; DecryptionError */
  async recovery(owner: UserRef, vault: string): Promise<DeviceRecoveryResponse> {
    const { rosters, rosterVerifier } = this.#deps;
    const stored = await this.#find(owner, vault);
    if (stored === undefined) throw new VaultError('device_vault_not_found');
    const { state } = await rosterVerifier.open(stored);
    if (state.recoveryBox === undefined) throw new VaultError('recovery_not_found');
    const found = await rosters.getAttachments(state.scope, 'recovery', [state.recoveryBox]);
    const [box] = found.values();
    if (box === undefined) throw new VaultError('recovery_not_found');
    return { box: encodeBase64Field(box) };
  }

  /**
   * Deletes a vault that is closed or damaged, or whose time has come. Otherwise requests its deletion.
   * @throws VaultError `device_vault_not_found`, `unavailable`, `key_unavailable`
   */
  async delete(owner: UserRef, vault: string): Promise<DeleteDeviceVaultResponse> {
    const { rosters, clock } = this.#deps;
    const scope: VaultScope = { ...owner, vault };
    const found = await this.#findVerified(scope);
    if (found === undefined) return await this.#deleteRest(scope);
    // No device can use it, and none can close it.
    if (found === 'damaged') return { vault, deleted: await this.#deleteAll(scope) };
    const { state } = found;
    const { deletableAt } = found.stored;
    if (!state.closed && deletableAt === undefined) {
      const at = new Date(clock().getTime() + deviceLimits.deviceDeletionSeconds * 1000).toISOString();
      await rosters.setDeletable(scope, at);
      return { vault, deleted: false, deletableAt: at };
    }
    if (!state.closed && !hasPassed(deletableAt, clock())) {
      return { vault, deleted: false, ...(deletableAt === undefined ? {} : { deletableAt }) };
    }
    return { vault, deleted: await this.#deleteAll(scope) };
  }

  /** A vault without a roster: only the rest of a deletion can be there. */
  async #deleteRest(scope: VaultScope): Promise<DeleteDeviceVaultResponse> {
    const { vault } = scope;
    const isVault = isOpaqueIdText(vault) && (await this.#deps.logs.list(scope, 0, 1, 1)).entries.length > 0;
    if (!isVault) throw new VaultError('device_vault_not_found');
    return { vault, deleted: await this.#deleteAll(scope) };
  }

  /**
   * Wraps and recovery box first, because they open something; the roster next, so that no entry is added; the log last.
   */
  async #deleteAll(scope: VaultScope): Promise<boolean> {
    const { rosters, logs } = this.#deps;
    const until = performance.now() + deletionMs;
    while (!(await rosters.deleteOthers(scope, deletedAtOnce))) if (performance.now() > until) return false;
    await rosters.delete(scope);
    while (!(await logs.deleteSome(scope, deletedAtOnce))) if (performance.now() > until) return false;
    return true;
  }

  /** Cancels a requested deletion. @throws VaultError `forbidden` for a device that is not an admin */
  async keep({ state }: Roster, device: string): Promise<KeepDeviceVaultResponse> {
    if (state.members.get(device)?.role !== 'admin') {
      throw new VaultError('forbidden', { detail: 'Only a device with the role `admin` can cancel the deletion.' });
    }
    await this.#deps.rosters.setDeletable(state.scope, undefined);
    return { vault: state.scope.vault };
  }

  async #findVerified(scope: VaultScope): Promise<Roster | 'damaged' | undefined> {
    const { rosterVerifier } = this.#deps;
    const opened = await awaitDecryption(
      (async () => {
        const stored = await this.#find(scope, scope.vault);
        return stored === undefined ? 'none' : await rosterVerifier.open(stored);
      })(),
    );
    return opened === 'none' ? undefined : (opened ?? 'damaged');
  }

  async #find(owner: UserRef, vault: string) {
    return isOpaqueIdText(vault) ? await this.#deps.rosters.get({ ...owner, vault }) : undefined;
  }
}

const damagedVault = (vault: string): DeviceVaultInfo => ({
  vault,
  state: 'damaged',
  seq: 0,
  devices: 0,
  hasRecovery: false,
});

function toVaultInfo({ stored, state }: Roster): DeviceVaultInfo {
  const { createdAt, deletableAt } = stored;
  return {
    vault: state.scope.vault,
    state: state.closed ? 'closed' : 'active',
    createdAt,
    seq: state.head.seq,
    devices: [...state.members.values()].filter(({ role }) => role !== 'recovery').length,
    hasRecovery: state.recoveryBox !== undefined,
    ...(deletableAt === undefined ? {} : { deletableAt }),
  };
}
