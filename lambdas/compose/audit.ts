/** Composes the functions `auditor` and `sealer`. */
import { sealerProgressKey } from '../../contract/shared/environment-variables.ts';
import { AuditReading } from '../audit/audit-query-service.ts';
import { Sealer, SealSweep } from '../audit/audit-seal-service.ts';
import { DynamoAudit } from '../audit/stores/dynamo-audit.ts';
import { DynamoSealMarks } from '../audit/stores/dynamo-audit-checkpoints.ts';
import { lambdaSealer } from '../audit/stores/lambda-sealer-client.ts';
import { dynamoClients, waitingLambdaClient } from '../aws/sdk-clients.ts';
import { Deks, noKek } from '../org-keys/keyring-opener.ts';
import { clock, dynamo, gateOf, setting, tables } from './common.ts';
import { signer } from './stores.ts';

export function auditorHost() {
  const gate = gateOf(tables(), new Deks(noKek, clock));
  const reader = new DynamoAudit(dynamo(), setting('auditTable'));
  const seal = lambdaSealer(waitingLambdaClient(), setting('sealFunction'));
  return { gate, audit: new AuditReading(reader, seal, clock) };
}

export function sealerHost() {
  const table = setting('auditTable');
  const sealer = new Sealer(new DynamoAudit(dynamo(), table), signer(), clock);
  // By the function's own role: which orgs have new records is asked before there is an org to act for.
  const marks = new DynamoSealMarks(dynamoClients(undefined)(sealerProgressKey.org), table);
  return { sealer, sweep: new SealSweep(sealer, marks, clock) };
}
