/** Requests for the organization, its API keys and its audit, and for destroying values. Loaded on first use. */
import { apiKeyRoutes } from '../../../contract/api-keys/routes.ts';
import type {
  ApiKeyInfo,
  CreateKeyResponse,
  ListKeysResponse,
  RotateKeyResponse,
} from '../../../contract/api-keys/wire.ts';
import { auditRoutes } from '../../../contract/audit/routes.ts';
import type { ExportAuditResponse, QueryAuditResponse } from '../../../contract/audit/wire.ts';
import { orgRoutes } from '../../../contract/orgs/routes.ts';
import type { OrgResponse } from '../../../contract/orgs/wire.ts';
import { rotationRoutes } from '../../../contract/rotation/routes.ts';
import type { Rotation } from '../../../contract/rotation/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { shredRoutes } from '../../../contract/shredding/routes.ts';
import type { DestroyValueResponse, ShredResponse } from '../../../contract/shredding/wire.ts';
import type { CreateKeyOptions, RotateKeyOptions } from '../api-keys/key-types.ts';
import type { Transport } from '../http/transport.ts';
import {
  checkConfirm,
  checkInteger,
  checkKeyId,
  checkName,
  keyOptionNames,
  resolveExpiry,
} from '../shared/argument-validation.ts';
import type { CallOptions, CallSettings } from '../shared/client-options.ts';
import { decodeDestroyResponse } from '../shared/json-decoders.ts';
import type { DestroyOptions } from '../values/value-types.ts';
import {
  decodeAuditExportPage,
  decodeAuditPage,
  decodeCreatedKey,
  decodeKeyInfo,
  decodeKeyPage,
  decodeLatestRotation,
  decodeOrg,
  decodeRotatedKey,
  decodeShred,
} from './admin-decoders.ts';
import type { ShredOptions } from './org-types.ts';

export const getOrg = (transport: Transport, options: CallOptions): Promise<OrgResponse> =>
  transport.request({ route: orgRoutes.getOrg }, transport.callSettings(options), decodeOrg);

export async function startRotation(transport: Transport, options: CallOptions): Promise<Rotation | undefined> {
  const call = { route: rotationRoutes.startRotation, body: {} };
  return (await transport.request(call, transport.callSettings(options), decodeLatestRotation)).latest;
}

export async function getRotation(transport: Transport, options: CallOptions): Promise<Rotation | undefined> {
  const call = { route: rotationRoutes.getRotation };
  return (await transport.request(call, transport.callSettings(options), decodeLatestRotation)).latest;
}

export async function shredOrg(transport: Transport, options: ShredOptions): Promise<ShredResponse> {
  const waitDays = checkInteger('waitDays', options.waitDays, 0, limits.shredWaitDays);
  const body = { confirm: checkConfirm(options.confirm), waitDays };
  const settings = transport.callSettings(options, 'confirm', 'waitDays');
  return transport.request({ route: shredRoutes.shredOrg, body }, settings, decodeShred);
}

export const cancelShred = (transport: Transport, options: CallOptions): Promise<ShredResponse> =>
  transport.request({ route: shredRoutes.cancelShred }, transport.callSettings(options), decodeShred);

export const getShred = (transport: Transport, options: CallOptions): Promise<ShredResponse> =>
  transport.request({ route: shredRoutes.getShred }, transport.callSettings(options), decodeShred);

export async function destroyValue(
  transport: Transport,
  name: string,
  options: DestroyOptions,
): Promise<DestroyValueResponse> {
  const body = { confirm: checkConfirm(options.confirm, checkName(name)) };
  const settings = transport.callSettings(options, 'confirm');
  return transport.request({ route: shredRoutes.destroyValue, name, body }, settings, decodeDestroyResponse);
}

export async function createKey(transport: Transport, options: CreateKeyOptions): Promise<CreateKeyResponse> {
  const { role, name, prefixes, verbs } = options;
  const body = { role, name, prefixes, verbs, expiresAt: resolveExpiry(options) };
  const settings = transport.callSettings(options, ...keyOptionNames);
  return transport.request({ route: apiKeyRoutes.createKey, body }, settings, decodeCreatedKey);
}

/** Query of a list page. */
interface PageQuery {
  readonly limit?: number | undefined;
  readonly cursor: string | undefined;
}

export const listKeysPage = (
  transport: Transport,
  query: PageQuery,
  settings: CallSettings,
): Promise<ListKeysResponse> =>
  transport.request({ route: apiKeyRoutes.listKeys, query: { ...query } }, settings, decodeKeyPage);

export async function rotateKey(
  transport: Transport,
  id: string,
  options: RotateKeyOptions,
): Promise<RotateKeyResponse> {
  const overlapSeconds = checkInteger('overlapSeconds', options.overlapSeconds, 0, limits.apiKeyOverlapMax);
  const call = { route: apiKeyRoutes.rotateKey, id: checkKeyId(id), body: { overlapSeconds } };
  return transport.request(call, transport.callSettings(options, 'overlapSeconds'), (json) => {
    const rotated = decodeRotatedKey(json);
    return rotated?.replaced.id === id ? rotated : undefined;
  });
}

export async function revokeKey(transport: Transport, id: string, options: CallOptions): Promise<ApiKeyInfo> {
  const call = { route: apiKeyRoutes.revokeKey, id: checkKeyId(id) };
  return transport.request(call, transport.callSettings(options), (json) => {
    const revoked = decodeKeyInfo(json);
    return revoked?.id === id && revoked.revokedAt !== undefined ? revoked : undefined;
  });
}

export const queryAuditPage = (
  transport: Transport,
  query: Readonly<Record<string, string | number | undefined>>,
  settings: CallSettings,
): Promise<QueryAuditResponse> =>
  transport.request({ route: auditRoutes.queryAudit, query }, settings, decodeAuditPage);

export const exportAuditPage = (
  transport: Transport,
  query: PageQuery,
  settings: CallSettings,
): Promise<ExportAuditResponse> =>
  transport.request({ route: auditRoutes.exportAudit, query: { ...query } }, settings, decodeAuditExportPage);
