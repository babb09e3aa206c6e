/** What both halves of the composition root (compose.ts, compose-users.ts) are made of. */
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { limits } from '../../contract/shared/limits.ts';
import { LastUse } from '../api-keys/last-used-recorder.ts';
import type { Gate } from '../api-keys/middleware/api-key-auth.ts';
import { DynamoLastUses } from '../api-keys/stores/dynamo-api-keys.ts';
import { DynamoRecords, type RecordTables } from '../api-keys/stores/dynamo-request-records.ts';
import { StoredAuditTrail } from '../audit/audit-log-writer.ts';
import { DynamoAuditWriter } from '../audit/stores/dynamo-audit.ts';
import { dynamoClients, kmsClients, sessionsOf } from '../aws/sdk-clients.ts';
import { createLog, type Log } from '../middleware/request-log.ts';
import type { Deks } from '../org-keys/keyring-opener.ts';
import type { AuditTrail } from '../shared/audit-trail.ts';
import type { Clock } from '../shared/ports.ts';

/** A setting of the deployment. A function that lacks one must not start, and says which. */
export function setting(name: keyof typeof functionEnv): string {
  const value = process.env[functionEnv[name]];
  if (value === undefined || value === '') throw new Error(`the environment lacks ${functionEnv[name]}`);
  return value;
}

export const clock: Clock = () => new Date();

// Made on first use: a function that reaches no table carries no client, not even in its bundle.
export const once = <Thing>(make: () => Thing): (() => Thing) => {
  let made: { readonly thing: Thing } | undefined;
  return () => {
    made ??= { thing: make() };
    return made.thing;
  };
};
/** Addresses that a function signs for the bucket die with the session that signed them: it must outlive them. */
const spareSeconds = () => (process.env[functionEnv.blobBucket] === undefined ? 0 : limits.blobPresignedUrlSeconds);
export const sessions = /* @__PURE__ */ once(() => sessionsOf(process.env[functionEnv.sessionRole], spareSeconds()));
export const dynamo = /* @__PURE__ */ once(() => dynamoClients(sessions()));
export const kms = /* @__PURE__ */ once(() => kmsClients(sessions()));

export const log = (): Log => createLog(setting('stage'));

export const auditTrail = (): AuditTrail =>
  new StoredAuditTrail(
    new DynamoAuditWriter(dynamo(), setting('auditTable')),
    Number(setting('auditRetentionDays')),
    clock,
  );

export const tables = (): RecordTables => ({ apiKeys: setting('apiKeyTable'), keyrings: setting('keyringTable') });

/** What every request with an API key passes first. */
export const gateOf = (within: RecordTables, deks: Deks): Gate => ({
  records: new DynamoRecords(dynamo(), within),
  deks,
  lastUse: new LastUse(new DynamoLastUses(dynamo(), within.apiKeys), clock),
  clock,
});
