/** Parts of the composition root that several functions share. */
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { limits } from '../../contract/shared/limits.ts';
import { LastUsedRecorder } from '../api-keys/last-used-recorder.ts';
import type { ApiKeyAuth } from '../api-keys/middleware/require-api-key.ts';
import { DynamoLastUsed } from '../api-keys/stores/dynamo-api-keys.ts';
import { DynamoRequestRecords, type RequestRecordTables } from '../api-keys/stores/dynamo-request-records.ts';
import { AuditLogWriter } from '../audit/audit-log-writer.ts';
import { DynamoAuditAppender } from '../audit/stores/dynamo-audit-store.ts';
import { createOrgDynamoClients, createOrgKmsClients, createOrgSessions } from '../aws/sdk-clients.ts';
import { createRequestLog, type WriteRequestLog } from '../middleware/request-log.ts';
import type { KeyringOpener } from '../org-keys/keyring-opener.ts';
import type { AuditLog } from '../shared/audit-log.ts';
import type { Clock } from '../shared/ports.ts';

/**
 * Reads a deployment setting. @throws Error that names the variable if it is missing; the function must not start then
 */
export function requireSetting(name: keyof typeof functionEnv): string {
  const value = process.env[functionEnv[name]];
  if (value === undefined || value === '') throw new Error(`the environment lacks ${functionEnv[name]}`);
  return value;
}

export const clock: Clock = () => new Date();

// Creates a value on first use. A client that a function does not use is then not in its memory and not in its bundle.
export const lazy = <Thing>(make: () => Thing): (() => Thing) => {
  let made: { readonly thing: Thing } | undefined;
  return () => {
    made ??= { thing: make() };
    return made.thing;
  };
};
/** Presigned URLs expire with the session that signed them, so the session must outlive them. */
const presignMarginSeconds = () =>
  process.env[functionEnv.blobBucket] === undefined ? 0 : limits.blobPresignedUrlSeconds;
export const orgSessions = /* @__PURE__ */ lazy(() =>
  createOrgSessions(process.env[functionEnv.sessionRole], presignMarginSeconds()),
);
export const orgDynamoClients = /* @__PURE__ */ lazy(() => createOrgDynamoClients(orgSessions()));
export const orgKmsClients = /* @__PURE__ */ lazy(() => createOrgKmsClients(orgSessions()));

export const createFunctionLog = (): WriteRequestLog => createRequestLog(requireSetting('stage'));

export const createAuditLog = (): AuditLog =>
  new AuditLogWriter(
    new DynamoAuditAppender(orgDynamoClients(), requireSetting('auditTable')),
    Number(requireSetting('auditRetentionDays')),
    clock,
  );

export const requestRecordTables = (): RequestRecordTables => ({
  apiKeys: requireSetting('apiKeyTable'),
  keyrings: requireSetting('keyringTable'),
});

/** Authentication of requests with an API key. */
export const createApiKeyAuth = (recordTables: RequestRecordTables, keyringOpener: KeyringOpener): ApiKeyAuth => ({
  records: new DynamoRequestRecords(orgDynamoClients(), recordTables),
  keyringOpener,
  lastUsedRecorder: new LastUsedRecorder(new DynamoLastUsed(orgDynamoClients(), recordTables.apiKeys), clock),
  clock,
});
