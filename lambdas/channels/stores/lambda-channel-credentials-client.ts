import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { mapTransientErrors, nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import type { ChannelCredentialsReader, ChannelName } from '../channel-ports.ts';

/**
 * Invokes the one function that can decrypt channel secrets. Nothing is cached, so a change or lock applies to the next
 * request.
 */
export class LambdaChannelCredentials implements ChannelCredentialsReader {
  readonly #client: LambdaClient;
  readonly #functionName: string;

  constructor(client: LambdaClient, functionName: string) {
    this.#client = client;
    this.#functionName = functionName;
  }

  async getCredentials(org: string, channel: ChannelName): Promise<unknown> {
    const command = new InvokeCommand({
      FunctionName: this.#functionName,
      Payload: Buffer.from(JSON.stringify({ org, channel })),
    });
    const { FunctionError, Payload } = await mapTransientErrors(nothingReadDetail, () => this.#client.send(command));
    // The invoked function logs the cause.
    if (FunctionError !== undefined || Payload === undefined)
      throw new VaultError('unavailable', { detail: nothingReadDetail });
    const { secrets } = JSON.parse(Buffer.from(Payload).toString('utf8'));
    return secrets ?? undefined;
  }
}
