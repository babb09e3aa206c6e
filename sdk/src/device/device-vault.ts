import { toBase32, toCodeGroups } from '../../../core/encoding/crockford-base32.ts';
import { checkConfirm } from '../shared/argument-validation.ts';
import { checkOptions } from '../shared/check-options.ts';
import type { CallOptions, CallSettings } from '../shared/client-options.ts';
import { Upkeep } from './checkpoints/upkeep.ts';
import { deviceError } from './device-errors.ts';
import type {
  ApproveByCodeOptions,
  ApproveOptions,
  ConfirmVaultOptions,
  DeviceInfo,
  DeviceRecord,
  DeviceRecords,
  PendingPairing,
  PruneOptions,
  PruneResult,
  RecordType,
  RecoveryCode,
  ShowApproveQrOptions,
  SyncOptions,
  SyncResult,
  VaultScope,
} from './device-types.ts';
import { forgetVault, type VaultContext } from './open-vault.ts';
import { approveByCode } from './pairing/approve-by-code.ts';
import { approveByQr, showApproveQr } from './pairing/approve-by-qr.ts';
import { type Approver, pendingPairings } from './pairing/approver.ts';
import { approverRequests } from './pairing/pairing-requests.ts';
import { VaultRecords } from './records/device-records.ts';
import { createRecoveryCode } from './recovery/create-recovery-code.ts';
import { restoreLog } from './restore-log.ts';
import { closeVault, leaveVault, removeDevice, rotateIfDue, rotateVault } from './roster/change-roster.ts';
import { listDevices } from './roster/list-devices.ts';
import { exportJson } from './transfer/export-json.ts';
import { type ExportPiaOptions, exportPia, type PiaExport } from './transfer/export-pia.ts';
import { type ImportKey, type ImportPiaOptions, importPia, type PiaImport } from './transfer/import-pia.ts';
import { transferOf } from './transfer/vault-transfer.ts';
import type { DeviceVaultEngine } from './vault-engine.ts';

const headCodeBytes = 20;

/** The head of the chain as this device knows it, for people to compare. */
export interface HeadCode {
  /** Sequence number. Only codes of the same number can be compared. */
  readonly seq: number;
  /** 32 characters in eight groups: the first 160 bits of the hash of the head. */
  readonly code: string;
}

/**
 * A device vault on this device. Reads come from the encrypted copy on this device; `sync` brings it up to date.
 *
 *     const vault = await vaults.open(id);
 *     await vault.records('memory').put({ text: 'Likes tea' });
 *     await vault.sync();
 *     await vault.close();
 */
export class DeviceVault {
  readonly #context: VaultContext;
  /** @internal */
  readonly engine: DeviceVaultEngine;
  readonly #records: VaultRecords;
  /** @internal */
  readonly upkeep: Upkeep;

  private constructor(context: VaultContext, engine: DeviceVaultEngine, records: VaultRecords) {
    this.#context = context;
    this.engine = engine;
    this.#records = records;
    this.upkeep = new Upkeep(engine);
  }

  /** @internal */
  static async over(context: VaultContext, engine: DeviceVaultEngine): Promise<DeviceVault> {
    try {
      return new DeviceVault(context, engine, await VaultRecords.open(engine, context.transport));
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  get scope(): VaultScope {
    return this.engine.scope;
  }

  /** Id of this device. */
  get device(): string {
    return this.engine.keys.id;
  }

  /** The records of one type. @throws AnimaError invalid_argument */
  records(type: RecordType): DeviceRecords {
    return this.#records.of(type);
  }

  /**
   * Reads and verifies what other devices wrote, merges it with queued changes, and writes those.
   * @throws DeviceVaultError bad_envelope, update_required, not_a_member; AnimaError of the requests
   */
  async sync(options: SyncOptions = {}): Promise<SyncResult> {
    const result = await this.#records.sync(options);
    // Also when nothing is queued: until a key is made, no other device can write a record.
    const settings = this.#settings(options, 'onProgress');
    await rotateIfDue(this.engine, settings);
    await this.upkeep.run(settings);
    return result;
  }

  /**
   * Sends entries again that the service lost, because its operator restored an older copy of the log. Other devices stop
   * with `missing_entries` until then. Only devices with the role `admin` can do this.
   * @returns the number of entries that were sent
   */
  restoreLog(options: CallOptions = {}): Promise<number> {
    return restoreLog(this.engine, this.#settings(options));
  }

  /**
   * Prunes the log: the service keeps the newest version of each record, and deletes earlier ones for good. `sync` does so
   * by itself in a vault with several devices. Syncs first.
   * @throws DeviceVaultError prune_unconfirmed for a vault with one device, no_key; AnimaError prune_refused
   */
  async prune({ confirmed, ...options }: PruneOptions = {}): Promise<PruneResult> {
    this.#settings(options, 'confirmed');
    await this.sync(options);
    return await this.upkeep.prune(confirmed === true, this.#settings(options));
  }

  /** Members of the vault as this device knows them, the recovery member included. Sends nothing. */
  async devices(): Promise<readonly DeviceInfo[]> {
    return await listDevices(this.engine);
  }

  /** Replaces the key of the vault, for what is written from now on. Only devices with the role `admin` can do this. */
  async rotate(options: CallOptions = {}): Promise<void> {
    await rotateVault(this.engine, this.#settings(options));
  }

  /** New devices that wait for an approval. Nothing about them is verified: the comparison of the codes decides. */
  async pairings(options: CallOptions = {}): Promise<readonly PendingPairing[]> {
    return await pendingPairings(this.#approver(), this.#settings(options));
  }

  /**
   * Adds a waiting device after a person compared the code on both screens. Only devices with the role `admin` can do
   * this.
   * @throws DeviceVaultError not_confirmed, pairing_expired, pairing_refused, pairing_unknown, not_an_admin, members_full
   */
  async approve(pairing: string, options: ApproveByCodeOptions): Promise<void> {
    await approveByCode(this.#approver(), pairing, options, this.#settings(options, 'role', 'label', 'confirm'));
  }

  /** Adds the device whose QR code was scanned. @param text of the QR code */
  async approveByQr(text: string, options: ApproveOptions = {}): Promise<void> {
    await approveByQr(this.#approver(), text, options, this.#settings(options, 'role', 'label'));
  }

  /** Adds the device that scans the QR code which this device displays. The first device that scans it is added. */
  async showApproveQr(options: ShowApproveQrOptions): Promise<void> {
    await showApproveQr(this.#approver(), options.show, options, this.#settings(options, 'role', 'label', 'show'));
  }

  /** Ends a pairing without adding its device. */
  async refuse(pairing: string, options: CallOptions = {}): Promise<void> {
    await this.engine.requests.deletePairing(pairing, this.#settings(options));
  }

  /**
   * Removes a device. It opens nothing that is written afterwards; what it has, it keeps.
   * @throws DeviceVaultError not_an_admin, own_device, unknown_device
   */
  async remove(device: string, options: CallOptions = {}): Promise<void> {
    await removeDevice(this.engine, device, this.#settings(options));
  }

  /**
   * Ends the membership of this device, and deletes its keys and copy here, queued changes included. This object is closed
   * then.
   * @throws DeviceVaultError last_admin
   */
  async leave(options: ConfirmVaultOptions): Promise<void> {
    const settings = this.#settings(options, 'confirm');
    checkConfirm(options.confirm, this.scope.vault);
    await leaveVault(this.engine, settings);
    this.#records.close();
    await forgetVault(this.#context, this.engine);
  }

  /** Makes a recovery code and returns it once. A code from before is no longer valid. */
  async recoveryCode(options: CallOptions = {}): Promise<RecoveryCode> {
    return await createRecoveryCode(this.engine, this.#settings(options));
  }

  /** Ends the vault for all devices: nothing can be written any more. It can then be deleted at once. */
  async closeVault(options: ConfirmVaultOptions): Promise<void> {
    const settings = this.#settings(options, 'confirm');
    checkConfirm(options.confirm, this.scope.vault);
    await closeVault(this.engine, settings);
  }

  /**
   * Cancels the deletion of the vault that somebody requested with the user's credential (`deletion_requested` of `sync`).
   * Only devices with the role `admin` can do this. @throws AnimaError forbidden
   */
  async keep(options: CallOptions = {}): Promise<void> {
    await this.engine.requests.keep(this.#settings(options));
  }

  /** All records and versions as JSON. The text is not encrypted. Sends nothing. */
  async exportJson(): Promise<string> {
    return await exportJson(this.engine, transferOf(this.engine, this.#records));
  }

  /** The newest records for the published system, encrypted under a code that is returned once. Sends nothing. */
  async exportPia(options: ExportPiaOptions = {}): Promise<PiaExport> {
    checkOptions(options, ['userId', 'argon2id', 'now']);
    return await exportPia(transferOf(this.engine, this.#records), this.scope.user, options);
  }

  /**
   * Imports an export file. All imported records have `isImported`. A program must not use an imported `provider` before a
   * person confirmed its endpoint (`confirmImported`), because the author of the file chose it.
   * @throws DeviceVaultError import_malformed, import_code_refused, argon2_missing
   */
  async importPia(file: string, key: ImportKey, options: ImportPiaOptions & CallOptions = {}): Promise<PiaImport> {
    const { argon2id, ...callOptions } = options;
    this.#settings(callOptions, 'argon2id');
    checkOptions(key, 'umk' in key ? ['umk'] : ['code']);
    return await importPia(transferOf(this.engine, this.#records, callOptions), file, key, { argon2id });
  }

  /** Call it after a person confirmed the content of an imported record. It no longer has `isImported` then. */
  async confirmImported(type: RecordType, id: string, options: CallOptions = {}): Promise<DeviceRecord> {
    this.#settings(options);
    const record = await this.records(type).get(id);
    if (record === undefined) throw deviceError('record_unknown', { detail: `${type} ${id}` });
    return await this.#records.write(type, id, record.data, options, false);
  }

  /** The head that this device verified. If another device shows another code for the same number, the service forked. */
  headCode(): HeadCode {
    const { seq, hash } = this.engine.view.state.head;
    return { seq, code: toCodeGroups(toBase32(hash.subarray(0, headCodeBytes))) };
  }

  /** For people: where this device keeps its keys. */
  describeKeys(): Promise<string> {
    return this.#context.storage.keys.describe(this.scope);
  }

  /** Waits for what is running, forgets the keys in memory, and lets others open the vault. */
  async close(): Promise<void> {
    this.#records.close();
    await this.engine.close();
  }

  #settings(options: CallOptions, ...own: string[]): CallSettings {
    return this.#context.transport.callSettings(options, ...own);
  }

  #approver(): Approver {
    return { engine: this.engine, requests: approverRequests(this.engine.requests) };
  }

  toJSON(): { vault: string; device: string } {
    return { vault: this.scope.vault, device: this.device };
  }
}
