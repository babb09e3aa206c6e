import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { mapTransientErrors, nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import type { SealOrgAudit } from '../audit-ports.ts';

/**
 * Invokes the sealer and waits for it. A failure within the sealer is only in its log; the export then ends at an
 * earlier seal.
 */
export const createLambdaSealClient =
  (client: LambdaClient, functionName: string): SealOrgAudit =>
  async (org) => {
    const command = new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify({ org })) });
    await mapTransientErrors(nothingReadDetail, () => client.send(command));
  };
