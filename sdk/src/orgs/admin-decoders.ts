/** Readers of the vault's JSON about the organization, its API keys and its audit, as decode.ts has them for values. Loaded when first needed. */

import type {
  ApiKeyInfo,
  CreateKeyResponse,
  ListKeysResponse,
  RotateKeyResponse,
} from '../../../contract/api-keys/wire.ts';
import type { AuditRecord, ExportAuditResponse, QueryAuditResponse } from '../../../contract/audit/wire.ts';
import type { OrgResponse } from '../../../contract/orgs/wire.ts';
import type { Rotation, RotationResponse } from '../../../contract/rotation/wire.ts';
import { type Role, roles } from '../../../contract/shared/roles.ts';
import { type Verb, verbs } from '../../../contract/shared/verbs.ts';
import type { ShredResponse } from '../../../contract/shredding/wire.ts';
import { isRecord } from '../shared/is-plain-object.ts';
import { flag, listOf, number, object, oneOf, optional, type Reader, text } from '../shared/json-decoders.ts';

const keyFields = {
  id: text,
  role: oneOf(Object.keys(roles) as Role[]),
  name: optional(text),
  prefixes: optional(listOf(text)),
  verbs: optional(listOf(oneOf<Verb>(verbs))),
  expiresAt: optional(text),
  createdAt: text,
  lastUsedAt: optional(text),
  revokedAt: optional(text),
};
export const decodeKeyInfo = object<ApiKeyInfo>(keyFields);
export const decodeKey = object<CreateKeyResponse>({ ...keyFields, key: text });
export const decodeKeys = object<ListKeysResponse>({ keys: listOf(decodeKeyInfo), cursor: optional(text) });
export const decodeRotatedKey = object<RotateKeyResponse>({ replacement: decodeKey, replaced: decodeKeyInfo });

const orgState = oneOf(['active', 'locked', 'shredded']);
const dek = { version: number, state: oneOf(['active', 'draining', 'retired']), createdAt: text };
export const decodeOrg = object<OrgResponse>({
  org: text,
  state: orgState,
  createdAt: text,
  activeVersion: number,
  deks: listOf(object<OrgResponse['deks'][number]>(dek)),
});
const rotation = object<Rotation>({
  id: number,
  state: oneOf(['running', 'draining', 'done']),
  to: number,
  startedAt: text,
  finishedAt: optional(text),
  counted: number,
  total: number,
  reencrypted: number,
  damaged: number,
});
const decodeRotation = object<RotationResponse>({ rotation: optional(rotation) });
/** Answers about the latest rotation; there may have been none. */
export const decodeLatest: Reader<{ readonly latest: Rotation | undefined }> = (json) => {
  const read = decodeRotation(json);
  return read && { latest: read.rotation };
};
export const decodeShred = object<ShredResponse>({
  org: text,
  state: orgState,
  shredAt: optional(text),
  shreddedAt: optional(text),
  final: flag,
  receipts: listOf(text),
});

/**
 * An audit record, whole: with a field left out, what the seals say of it would not hold. A newer vault may have routes,
 * verbs and codes that this version can't name; the record is passed on all the same.
 */
const auditRecord: Reader<AuditRecord> = (json) => (isAuditRecord(json) ? json : undefined);

const auditTexts = ['id', 'time', 'org', 'principal', 'route', 'verb', 'result', 'requestId', 'sourceIp'] as const;
const isAuditRecord = (json: unknown): json is AuditRecord =>
  isRecord(json) && auditTexts.every((field) => typeof json[field] === 'string');

export const decodeAudit = object<QueryAuditResponse>({ records: listOf(auditRecord), cursor: optional(text) });
const sealed = object<ExportAuditResponse['seals'][number]>({ seal: text, records: listOf(auditRecord) });
export const decodeExport = object<ExportAuditResponse>({ seals: listOf(sealed), cursor: optional(text) });
