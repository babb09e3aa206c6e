/** Composes the functions `auditor` and `sealer`. */
import { sealerProgressKey } from '../../contract/shared/environment-variables.ts';
import { AuditQueryService } from '../audit/audit-query-service.ts';
import { AuditSealService, ScheduledSealRun } from '../audit/audit-seal-service.ts';
import { DynamoAuditMarkIndex } from '../audit/stores/dynamo-audit-mark-index.ts';
import { DynamoAuditStore } from '../audit/stores/dynamo-audit-store.ts';
import { createLambdaSealClient } from '../audit/stores/lambda-seal-client.ts';
import { createOrgDynamoClients, createSyncLambdaClient } from '../aws/sdk-clients.ts';
import { unavailableKek } from '../org-keys/keyring-opener.ts';
import {
  clock,
  createApiKeyAuth,
  createKeyringOpener,
  orgDynamoClients,
  requestRecordTables,
  requireSetting,
} from './common.ts';
import { signer } from './stores.ts';

export function createAuditorServices() {
  const apiKeyAuth = createApiKeyAuth(requestRecordTables(), createKeyringOpener(unavailableKek));
  const reader = new DynamoAuditStore(orgDynamoClients(), requireSetting('auditTable'));
  const seal = createLambdaSealClient(createSyncLambdaClient(), requireSetting('sealFunction'));
  return { apiKeyAuth, audit: new AuditQueryService(reader, seal, clock) };
}

export function createSealerServices() {
  const table = requireSetting('auditTable');
  const sealService = new AuditSealService(new DynamoAuditStore(orgDynamoClients(), table), signer(), clock);
  // With the function's own role, because finding the orgs with new records precedes any org session.
  const marks = new DynamoAuditMarkIndex(createOrgDynamoClients(undefined)(sealerProgressKey.org), table);
  return { sealService, scheduledRun: new ScheduledSealRun(sealService, marks, clock) };
}
