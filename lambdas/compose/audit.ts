/** Composes the functions `auditor` and `sealer`. */
import { AuditExportService } from '../audit/audit-export-service.ts';
import { AuditHeads } from '../audit/audit-heads.ts';
import { AuditQueryService } from '../audit/audit-query-service.ts';
import { AuditSealService } from '../audit/audit-seal-service.ts';
import { ScheduledSealRun } from '../audit/scheduled-seal-run.ts';
import { DynamoAuditMarkIndex } from '../audit/stores/dynamo-audit-mark-index.ts';
import { DynamoAuditReader } from '../audit/stores/dynamo-audit-store.ts';
import { createLambdaSealClient } from '../audit/stores/lambda-seal-client.ts';
import { lambdaTripwireReport } from '../audit/stores/lambda-tripwire-report.ts';
import { S3AuditHeads } from '../audit/stores/s3-audit-heads.ts';
import { createLambdaEventClient } from '../aws/clients.ts';
import { createDocumentClient } from '../aws/document-clients.ts';
import { createSyncLambdaClient } from '../aws/lambda-clients.ts';
import { logLostNotice } from '../middleware/lost-notice.ts';
import type { WriteRequestLog } from '../middleware/request-log.ts';
import { unavailableKek } from '../org-keys/keyring-opener.ts';
import {
  clock,
  createApiKeyAuth,
  createKeyringOpener,
  orgDynamoClients,
  orgS3Clients,
  requestRecordTables,
  requireSetting,
} from './common.ts';
import { signer } from './stores.ts';

/** Records, and seals with the keys that verify them. */
function createAuditPorts() {
  const records = new DynamoAuditReader(orgDynamoClients(), requireSetting('auditTable'));
  const store = new S3AuditHeads(orgS3Clients(), requireSetting('lockedBucket'));
  const keys = signer();
  return { records, store, heads: new AuditHeads(store, keys), signer: keys, clock };
}

export function createAuditorServices() {
  const apiKeyAuth = createApiKeyAuth(requestRecordTables(), createKeyringOpener(unavailableKek));
  const ports = createAuditPorts();
  const sealOrg = createLambdaSealClient(createSyncLambdaClient(), requireSetting('sealFunction'));
  return {
    apiKeyAuth,
    queries: new AuditQueryService(ports.records, clock),
    exports: new AuditExportService({ ...ports, sealOrg }),
  };
}

/** @param log gets a line if devices could not be woken */
export function createSealerServices(log: WriteRequestLog) {
  const approvals = requireSetting('approvalsFunction');
  const reportTripwires = lambdaTripwireReport(createLambdaEventClient(), approvals, (org, error) =>
    logLostNotice(log, org, error),
  );
  const sealService = new AuditSealService({ ...createAuditPorts(), reportTripwires });
  // With the function's own role, because finding the orgs with new records precedes any org session.
  const marks = new DynamoAuditMarkIndex(createDocumentClient(), requireSetting('auditTable'));
  return { sealService, scheduledRun: new ScheduledSealRun(sealService, marks, clock) };
}
