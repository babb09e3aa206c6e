import { getApproverKey } from '../approvals/handlers/get-approver-key.ts';
import { getBrokerKeys } from '../approvals/handlers/get-broker-keys.ts';
import { fetchWithValues } from '../broker/handlers/fetch.ts';
import { createBrokerServices } from '../compose/broker.ts';
import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';

const log = createFunctionLog();
const { apiKeyAuth, snapshotLoader, fetchService, identity, personKeys, ownHosts } = createBrokerServices(log);

export const handler = createLambdaHandler(log, createAuditLog(), {
  fetch: fetchWithValues(apiKeyAuth, snapshotLoader, fetchService, ownHosts),
  getBrokerKeys: getBrokerKeys(apiKeyAuth, identity),
  getApproverKey: getApproverKey(apiKeyAuth, personKeys),
});
