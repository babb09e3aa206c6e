/** Parts of the composition root that several functions share. */
import { functionEnv, orgMarkPrefix } from '../../contract/shared/environment-variables.ts';
import { limits } from '../../contract/shared/limits.ts';
import { ApiKeyVerifier } from '../api-keys/api-key-verifier.ts';
import { LastUsedRecorder } from '../api-keys/last-used-recorder.ts';
import type { ApiKeyAuth } from '../api-keys/middleware/require-api-key.ts';
import { DynamoLastUsed } from '../api-keys/stores/dynamo-api-keys.ts';
import { DynamoRequestRecords, type RequestRecordTables } from '../api-keys/stores/dynamo-request-records.ts';
import { AuditLogWriter } from '../audit/audit-log-writer.ts';
import { DynamoAuditAppender } from '../audit/stores/dynamo-audit-store.ts';
import {
  createDynamoClient,
  createKmsClient,
  createOrgDynamoClients,
  createOrgKmsClients,
  createOrgS3ObjectClients,
  createOrgSessions,
} from '../aws/clients.ts';
import { createOrgS3Clients } from '../aws/sdk-clients.ts';
import { createRequestLog, type WriteRequestLog } from '../middleware/request-log.ts';
import { KeyringOpener } from '../org-keys/keyring-opener.ts';
import type { Kek } from '../org-keys/keyring-ports.ts';
import { KeyringVerifier } from '../org-keys/keyring-verifier.ts';
import { AuthenticationKeys } from '../records/authentication-keys.ts';
import { OrgMarks } from '../records/org-marks.ts';
import { kmsRecordsKey } from '../records/stores/kms-records-key.ts';
import { S3OrgMarks } from '../records/stores/s3-org-marks.ts';
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
export const orgS3ObjectClients = /* @__PURE__ */ lazy(() => createOrgS3ObjectClients(orgSessions()));
export const orgS3Clients = /* @__PURE__ */ lazy(() => createOrgS3Clients(orgSessions()));
/** DynamoDB with the function's own role, for items that belong to no org. */
export const unscopedDynamoClient = /* @__PURE__ */ lazy(createDynamoClient);
/** KMS with the function's own role, for keys that belong to no org. */
export const unscopedKmsClient = /* @__PURE__ */ lazy(createKmsClient);

/** The keys and marks of a function's records: one cache per process. */
export const authenticationKeys = /* @__PURE__ */ lazy(
  () => new AuthenticationKeys(kmsRecordsKey(unscopedKmsClient(), requireSetting('recordsKeyId'))),
);
export const orgMarks = /* @__PURE__ */ lazy(
  () =>
    new OrgMarks(
      authenticationKeys(),
      new S3OrgMarks(orgS3ObjectClients(), requireSetting('lockedBucket'), orgMarkPrefix),
      clock,
    ),
);
export const keyringVerifier = /* @__PURE__ */ lazy(() => new KeyringVerifier(authenticationKeys(), orgMarks()));
export const apiKeyVerifier = () => new ApiKeyVerifier(authenticationKeys(), orgMarks());
export const createKeyringOpener = (kek: Kek) => new KeyringOpener(kek, keyringVerifier(), clock);

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
  apiKeyVerifier: apiKeyVerifier(),
  keyringOpener,
  lastUsedRecorder: new LastUsedRecorder(new DynamoLastUsed(orgDynamoClients(), recordTables.apiKeys), clock),
  clock,
});

/** The hosts of configured addresses: the page serves the API too. */
export const configuredHosts = (): readonly string[] => {
  const page = process.env[functionEnv.pageUrl];
  return page === undefined || page === '' ? [] : [new URL(page).host];
};
