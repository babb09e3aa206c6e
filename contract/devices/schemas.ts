/** Request and response schemas of the routes of device vaults. */

import * as z from 'zod/mini';
import { lazy } from '../shared/lazy.ts';
import {
  base64Of,
  documentedAs,
  emptyObject,
  integerAtLeast,
  opaqueId,
  queryNumber,
  rfc3339Time,
  schemaFor,
} from '../shared/schema-parts.ts';
import { deviceLimits } from './limits.ts';
import type {
  AppendDeviceLogRequest,
  AppendDeviceLogResponse,
  CreateDeviceVaultRequest,
  CreateDeviceVaultResponse,
  DeleteDeviceVaultResponse,
  DeletePairingResponse,
  DeviceRecoveryResponse,
  KeepDeviceVaultResponse,
  ListDeviceVaultsResponse,
  ListPairingsResponse,
  PairingInfo,
  PairingMessageRequest,
  PruneDeviceLogRequest,
  PruneDeviceLogResponse,
  ReadBundleEntriesResponse,
  ReadBundleRecordsResponse,
  ReadDeviceLogResponse,
} from './wire.ts';

/** Accepts any string, so that a malformed id gets the answer of an id that does not exist. */
const idInPath = (description: string) => documentedAs(z.string(), { pattern: '^[0-9a-z]{16}$', description });

const vaultInPath = lazy(() => idInPath('The id of a device vault'));
const vaultParams = lazy(() => z.strictObject({ vault: vaultInPath() }));
const pairingInPath = lazy(() => idInPath('The id of a pairing, chosen by the device that begins it'));
const pairingParams = lazy(() => z.strictObject({ vault: vaultInPath(), pairing: pairingInPath() }));
const newMessageParams = lazy(() =>
  z.strictObject({ vault: vaultInPath(), pairing: pairingInPath(), step: z.enum(['1', '2']) }),
);
const approverMessageParams = lazy(() =>
  z.strictObject({ vault: vaultInPath(), pairing: pairingInPath(), step: z.enum(['1']) }),
);

/** Accepts any string, so that a malformed number gets the answer of a checkpoint that does not exist. */
const bundleParams = lazy(() =>
  z.strictObject({
    vault: vaultInPath(),
    checkpoint: documentedAs(z.string(), { pattern: '^[0-9]{1,12}$', description: 'Sequence number of a checkpoint' }),
  }),
);
const recordType = lazy(() => z.enum(['memory', 'provider', 'session', 'todo']));
const recordId = lazy(() => z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/)));
const logEntry = lazy(() => z.strictObject({ entry: z.string(), wraps: z.optional(z.string()) }));

const signedEntry = lazy(() => base64Of(deviceLimits.deviceEntryBytes));
const wraps = lazy(() => base64Of(deviceLimits.deviceWrapsBytes));

const pairing = lazy(() =>
  schemaFor<PairingInfo>()(
    z.strictObject({
      pairing: z.string(),
      expiresAt: rfc3339Time(),
      new: z.array(z.string()),
      approver: z.array(z.string()),
    }),
  ),
);

const messageBytes = lazy(() => base64Of(deviceLimits.pairingMessageBytes));
const pairingMessage = lazy(() => schemaFor<PairingMessageRequest>()(z.strictObject({ message: messageBytes() })));

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const deviceSchemas = {
  createDeviceVault: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<CreateDeviceVaultRequest>()(
        z.strictObject({ vault: opaqueId(), entry: signedEntry(), wraps: wraps() }),
      ),
    response: () =>
      schemaFor<CreateDeviceVaultResponse>()(z.strictObject({ vault: z.string(), createdAt: rfc3339Time() })),
  },
  listDeviceVaults: {
    params: emptyObject,
    query: emptyObject,
    body: undefined,
    response: () =>
      schemaFor<ListDeviceVaultsResponse>()(
        z.strictObject({
          vaults: z.array(
            z.strictObject({
              vault: z.string(),
              state: z.enum(['active', 'closed', 'damaged']),
              createdAt: z.optional(rfc3339Time()),
              seq: integerAtLeast(0),
              devices: integerAtLeast(0),
              hasRecovery: z.boolean(),
              deletableAt: z.optional(rfc3339Time()),
            }),
          ),
        }),
      ),
  },
  deleteDeviceVault: {
    params: vaultParams,
    query: emptyObject,
    body: undefined,
    response: () =>
      schemaFor<DeleteDeviceVaultResponse>()(
        z.strictObject({ vault: z.string(), deleted: z.boolean(), deletableAt: z.optional(rfc3339Time()) }),
      ),
  },
  keepDeviceVault: {
    params: vaultParams,
    query: emptyObject,
    body: undefined,
    response: () => schemaFor<KeepDeviceVaultResponse>()(z.strictObject({ vault: z.string() })),
  },
  getDeviceRecovery: {
    params: vaultParams,
    query: emptyObject,
    body: undefined,
    response: () => schemaFor<DeviceRecoveryResponse>()(z.strictObject({ box: z.string() })),
  },
  readDeviceLog: {
    params: vaultParams,
    query: () =>
      z.strictObject({
        after: z.optional(queryNumber(0)),
        limit: z.optional(queryNumber(1, deviceLimits.deviceLogPage)),
      }),
    body: undefined,
    response: () =>
      schemaFor<ReadDeviceLogResponse>()(
        z.strictObject({
          entries: z.array(logEntry()),
          head: integerAtLeast(1),
          more: z.boolean(),
          deletableAt: z.optional(rfc3339Time()),
          pruned: z.optional(z.strictObject({ checkpoint: integerAtLeast(1), proof: z.array(z.string()) })),
        }),
      ),
  },
  appendDeviceLog: {
    params: vaultParams,
    query: emptyObject,
    body: () =>
      schemaFor<AppendDeviceLogRequest>()(
        z.strictObject({
          entry: signedEntry(),
          wraps: z.optional(wraps()),
          recoveryBox: z.optional(base64Of(deviceLimits.recoveryBoxBytes)),
          pairing: z.optional(z.strictObject({ pairing: opaqueId(), message: messageBytes() })),
        }),
      ),
    response: () => schemaFor<AppendDeviceLogResponse>()(z.strictObject({ seq: integerAtLeast(1) })),
  },
  pruneDeviceLog: {
    params: vaultParams,
    query: emptyObject,
    body: () => schemaFor<PruneDeviceLogRequest>()(z.strictObject({ checkpoint: integerAtLeast(1) })),
    response: () =>
      schemaFor<PruneDeviceLogResponse>()(
        z.strictObject({ checkpoint: integerAtLeast(1), done: z.boolean(), step: integerAtLeast(0) }),
      ),
  },
  readBundleEntries: {
    params: bundleParams,
    query: () => z.strictObject({ after: z.optional(queryNumber(0)) }),
    body: undefined,
    response: () =>
      schemaFor<ReadBundleEntriesResponse>()(
        z.strictObject({ entries: z.array(logEntry()), subtrees: z.array(z.string()), more: z.boolean() }),
      ),
  },
  readBundleRecords: {
    params: bundleParams,
    query: () => z.strictObject({ type: z.optional(recordType()), id: z.optional(recordId()) }),
    body: undefined,
    response: () =>
      schemaFor<ReadBundleRecordsResponse>()(
        z.strictObject({
          records: z.array(z.strictObject({ epoch: integerAtLeast(1), change: z.string() })),
          more: z.boolean(),
        }),
      ),
  },
  listPairings: {
    params: vaultParams,
    query: emptyObject,
    body: undefined,
    response: () => schemaFor<ListPairingsResponse>()(z.strictObject({ pairings: z.array(pairing()) })),
  },
  getPairing: { params: pairingParams, query: emptyObject, body: undefined, response: pairing },
  putNewDeviceMessage: { params: newMessageParams, query: emptyObject, body: pairingMessage, response: pairing },
  putApproverMessage: { params: approverMessageParams, query: emptyObject, body: pairingMessage, response: pairing },
  deletePairing: {
    params: pairingParams,
    query: emptyObject,
    body: undefined,
    response: () => schemaFor<DeletePairingResponse>()(z.strictObject({ deleted: z.boolean() })),
  },
} as const;
