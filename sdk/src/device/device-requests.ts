/** The requests of device vaults: those that a device signs, and those with the user's credential. */
import { deviceRoutes } from '../../../contract/devices/routes.ts';
import type {
  AppendDeviceLogRequest,
  CreateDeviceVaultRequest,
  CreateDeviceVaultResponse,
  DeleteDeviceVaultResponse,
  DeviceVaultInfo,
  PairingInfo,
  PruneDeviceLogResponse,
  ReadBundleEntriesResponse,
  ReadBundleRecordsResponse,
  ReadDeviceLogResponse,
} from '../../../contract/devices/wire.ts';
import type { RouteRow } from '../../../contract/routes.ts';
import type { DeviceKeys } from '../../../core/devices/device-keys.ts';
import { signDeviceRequest } from '../../../core/devices/request-signature.ts';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import { utf8Bytes } from '../../../core/encoding/bytes.ts';
import { routeRow } from '../http/route-row.ts';
import { ServiceClock } from '../http/service-clock.ts';
import type { ApiCall, RequestSigner, Transport } from '../http/transport.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { createError } from '../shared/errors.ts';
import type { Decoder } from '../shared/json-decoders.ts';
import {
  decodeAppended,
  decodeBundleEntries,
  decodeBundleRecords,
  decodeCreatedVault,
  decodeDeletedPairing,
  decodeDeletedVault,
  decodeKeptVault,
  decodeLogPage,
  decodePairing,
  decodePairings,
  decodePrune,
  decodeRecoveryBox,
  decodeVaultList,
} from './device-decoders.ts';
import { addDeviceErrors } from './service-errors.ts';

type Step = 1 | 2;

/** Requests with the user's credential. They open nothing. */
export class UserDeviceRequests {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    addDeviceErrors();
    this.#transport = transport;
  }

  create(body: CreateDeviceVaultRequest, settings: CallSettings): Promise<CreateDeviceVaultResponse> {
    return this.#transport.request({ route: deviceRoutes.createDeviceVault, body }, settings, decodeCreatedVault);
  }

  async list(settings: CallSettings): Promise<readonly DeviceVaultInfo[]> {
    return (await this.#transport.request({ route: deviceRoutes.listDeviceVaults }, settings, decodeVaultList)).vaults;
  }

  delete(vault: string, settings: CallSettings): Promise<DeleteDeviceVaultResponse> {
    const route = routeRow(deviceRoutes.deleteDeviceVault, { vault });
    return this.#transport.request({ route }, settings, decodeDeletedVault);
  }

  /** @returns the recovery box, in base64 */
  async recoveryBox(vault: string, settings: CallSettings): Promise<string> {
    const route = routeRow(deviceRoutes.getDeviceRecovery, { vault });
    return (await this.#transport.request({ route }, settings, decodeRecoveryBox)).box;
  }

  pairing(vault: string, pairing: string, settings: CallSettings): Promise<PairingInfo> {
    const route = routeRow(deviceRoutes.getPairing, { vault, pairing });
    return this.#transport.request({ route }, settings, decodePairing);
  }

  /** @param message base64 */
  putNewMessage(
    vault: string,
    pairing: string,
    step: Step,
    message: string,
    settings: CallSettings,
  ): Promise<PairingInfo> {
    const route = routeRow(deviceRoutes.putNewDeviceMessage, { vault, pairing, step });
    return this.#transport.request({ route, body: { message } }, settings, decodePairing);
  }
}

/** Signs the requests of one device. */
class DeviceSigner implements RequestSigner {
  readonly #scope: VaultScope;
  readonly #keys: DeviceKeys;
  readonly clock = new ServiceClock();

  constructor(scope: VaultScope, keys: DeviceKeys) {
    this.#scope = scope;
    this.#keys = keys;
  }

  async sign(method: string, url: string, body: string | undefined): Promise<Readonly<Record<string, string>>> {
    const { host, pathname, search } = new URL(url);
    const target = { method, authority: host, path: pathname, query: search.replace(/^\?/, '') };
    return await signDeviceRequest(this.#keys, this.#scope, target, utf8Bytes(body ?? ''), this.clock.seconds());
  }

  observeDate(date: string | null): void {
    this.clock.observeDate(date);
  }
}

/** Requests that a device signs. */
export class DeviceRequests {
  readonly #transport: Transport;
  readonly #vault: string;
  readonly #signer: DeviceSigner;

  constructor(transport: Transport, scope: VaultScope, keys: DeviceKeys) {
    addDeviceErrors();
    this.#transport = transport;
    this.#vault = scope.vault;
    this.#signer = new DeviceSigner(scope, keys);
  }

  /** Entries after a sequence number, with their wraps. Nothing of the answer is verified. */
  readLog(after: number, settings: CallSettings, limit?: number): Promise<ReadDeviceLogResponse> {
    return this.#request(deviceRoutes.readDeviceLog, {}, { query: { after, limit } }, settings, decodeLogPage);
  }

  /** @param seq of the entry @throws AnimaError log_conflict, entry_refused, unexpected_response */
  async append(body: AppendDeviceLogRequest, seq: number, settings: CallSettings): Promise<void> {
    const answer = await this.#request(deviceRoutes.appendDeviceLog, {}, { body }, settings, decodeAppended);
    if (answer.seq !== seq) throw createError('unexpected_response', { detail: 'another entry was confirmed' });
  }

  /** Goes on with pruning the log to an acknowledged checkpoint. @throws AnimaError prune_refused */
  prune(checkpoint: number, settings: CallSettings): Promise<PruneDeviceLogResponse> {
    return this.#request(deviceRoutes.pruneDeviceLog, {}, { body: { checkpoint } }, settings, decodePrune);
  }

  /** Entries that a pruned log keeps. Nothing of the answer is verified. @throws AnimaError bundle_replaced */
  bundleEntries(checkpoint: number, after: number, settings: CallSettings): Promise<ReadBundleEntriesResponse> {
    const parts = { checkpoint };
    return this.#request(deviceRoutes.readBundleEntries, parts, { query: { after } }, settings, decodeBundleEntries);
  }

  /** Newest changes at a checkpoint, after a record. As {@link bundleEntries}. */
  bundleRecords(
    checkpoint: number,
    after: { readonly type: string; readonly id: string } | undefined,
    settings: CallSettings,
  ): Promise<ReadBundleRecordsResponse> {
    const query = { type: after?.type, id: after?.id };
    return this.#request(deviceRoutes.readBundleRecords, { checkpoint }, { query }, settings, decodeBundleRecords);
  }

  /** Cancels the requested deletion of the vault. */
  async keep(settings: CallSettings): Promise<void> {
    await this.#request(deviceRoutes.keepDeviceVault, {}, {}, settings, decodeKeptVault);
  }

  async pairings(settings: CallSettings): Promise<readonly PairingInfo[]> {
    return (await this.#request(deviceRoutes.listPairings, {}, {}, settings, decodePairings)).pairings;
  }

  /** @param message base64 */
  putApproverMessage(pairing: string, message: string, settings: CallSettings): Promise<PairingInfo> {
    const parts = { pairing, step: 1 };
    return this.#request(deviceRoutes.putApproverMessage, parts, { body: { message } }, settings, decodePairing);
  }

  async deletePairing(pairing: string, settings: CallSettings): Promise<boolean> {
    return (await this.#request(deviceRoutes.deletePairing, { pairing }, {}, settings, decodeDeletedPairing)).deleted;
  }

  async #request<T>(
    row: RouteRow,
    parts: Readonly<Record<string, string | number>>,
    call: Pick<ApiCall, 'body' | 'query'>,
    settings: CallSettings,
    decode: Decoder<T>,
  ): Promise<T> {
    const route = routeRow(row, { vault: this.#vault, ...parts });
    const signer = this.#signer;
    return await signer.clock.send(() => this.#transport.request({ ...call, route, signer }, settings, decode));
  }
}
