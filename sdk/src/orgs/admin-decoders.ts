/**
 * Decoders for the vault's JSON about the organization, its API keys and its audit; see shared/json-decoders.ts.
 * Loaded on first use.
 */

import type {
  ApiKeyInfo,
  CreateKeyResponse,
  KeyOrigin,
  ListKeysResponse,
  RotateKeyResponse,
} from '../../../contract/api-keys/wire.ts';
import type { AuditRecord, ExportAuditResponse, QueryAuditResponse } from '../../../contract/audit/wire.ts';
import type { OrgResponse } from '../../../contract/orgs/wire.ts';
import type { Rotation, RotationResponse } from '../../../contract/rotation/wire.ts';
import { type Role, roles } from '../../../contract/shared/roles.ts';
import { type Verb, verbs } from '../../../contract/shared/verbs.ts';
import type { ShredResponse } from '../../../contract/shredding/wire.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';
import {
  type Decoder,
  decodeBoolean,
  decodeListOf,
  decodeNumber,
  decodeObject,
  decodeOneOf,
  decodeText,
  optional,
} from '../shared/json-decoders.ts';

const keyFields = {
  id: decodeText,
  role: decodeOneOf(Object.keys(roles) as Role[]),
  name: optional(decodeText),
  prefixes: optional(decodeListOf(decodeText)),
  verbs: optional(decodeListOf(decodeOneOf<Verb>(verbs))),
  expiresAt: optional(decodeText),
  createdAt: decodeText,
  lastUsedAt: optional(decodeText),
  revokedAt: optional(decodeText),
  origin: optional(decodeObject<KeyOrigin>({ login: decodeText, subject: decodeText })),
};
export const decodeKeyInfo = decodeObject<ApiKeyInfo>(keyFields);
export const decodeCreatedKey = decodeObject<CreateKeyResponse>({ ...keyFields, key: decodeText });
export const decodeKeyPage = decodeObject<ListKeysResponse>({
  keys: decodeListOf(decodeKeyInfo),
  damaged: optional(decodeListOf(decodeText)),
  cursor: optional(decodeText),
});
export const decodeRotatedKey = decodeObject<RotateKeyResponse>({
  replacement: decodeCreatedKey,
  replaced: decodeKeyInfo,
});

const decodeOrgState = decodeOneOf(['active', 'locked', 'shredded']);
const dekFields = {
  version: decodeNumber,
  state: decodeOneOf(['active', 'draining', 'retired']),
  createdAt: decodeText,
};
export const decodeOrg = decodeObject<OrgResponse>({
  org: decodeText,
  state: decodeOrgState,
  createdAt: decodeText,
  activeVersion: decodeNumber,
  deks: decodeListOf(decodeObject<OrgResponse['deks'][number]>(dekFields)),
});
const decodeRotationStatus = decodeObject<Rotation>({
  id: decodeNumber,
  state: decodeOneOf(['running', 'draining', 'done']),
  to: decodeNumber,
  startedAt: decodeText,
  finishedAt: optional(decodeText),
  counted: decodeNumber,
  total: decodeNumber,
  reencrypted: decodeNumber,
  damaged: decodeNumber,
});
const decodeRotation = decodeObject<RotationResponse>({ rotation: optional(decodeRotationStatus) });
/** Response about the latest rotation; `latest` is undefined if there was none. */
export const decodeLatestRotation: Decoder<{ readonly latest: Rotation | undefined }> = (json) => {
  const read = decodeRotation(json);
  return read && { latest: read.rotation };
};
export const decodeShred = decodeObject<ShredResponse>({
  org: decodeText,
  state: decodeOrgState,
  shredAt: optional(decodeText),
  shreddedAt: optional(decodeText),
  final: decodeBoolean,
  receipts: decodeListOf(decodeText),
});

/**
 * An audit record with all its fields: without unknown fields, the seals would not verify. A newer vault may use
 * routes, verbs and codes that this version does not know; such records are passed on unchanged.
 */
const decodeAuditRecord: Decoder<AuditRecord> = (json) => (isAuditRecord(json) ? json : undefined);

const requiredAuditFields = [
  'id',
  'time',
  'org',
  'principal',
  'route',
  'verb',
  'result',
  'requestId',
  'sourceIp',
] as const;
const isAuditRecord = (json: unknown): json is AuditRecord =>
  isPlainObject(json) && requiredAuditFields.every((field) => typeof json[field] === 'string');

export const decodeAuditPage = decodeObject<QueryAuditResponse>({
  records: decodeListOf(decodeAuditRecord),
  damaged: optional(decodeListOf(decodeText)),
  cursor: optional(decodeText),
});
const decodeSealedRecords = decodeObject<ExportAuditResponse['seals'][number]>({
  seal: decodeText,
  records: decodeListOf(decodeAuditRecord),
});
export const decodeAuditExportPage = decodeObject<ExportAuditResponse>({
  seals: decodeListOf(decodeSealedRecords),
  cursor: optional(decodeText),
});
