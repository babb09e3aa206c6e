import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { notRead, orUnavailable } from '../../shared/stores/aws-error-mapping.ts';
import type { SealRequest } from '../audit-ports.ts';

/** Invokes the sealer and waits for it. What failed within it, its own log tells; the export then ends at an earlier seal. */
export const lambdaSealer =
  (client: LambdaClient, functionName: string): SealRequest =>
  async (org) => {
    const command = new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify({ org })) });
    await orUnavailable(notRead, () => client.send(command));
  };
