import { fetchWithValues } from '../broker/handlers/fetch.ts';
import { createBrokerServices } from '../compose/broker.ts';
import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';

const { apiKeyAuth, snapshotLoader, fetchService, ownHosts } = createBrokerServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  fetch: fetchWithValues(apiKeyAuth, snapshotLoader, fetchService, ownHosts),
});
