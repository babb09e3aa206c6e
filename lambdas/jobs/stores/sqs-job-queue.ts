import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { mapTransientErrors } from '../../shared/stores/aws-error-mapping.ts';
import type { JobQueue } from '../job-ports.ts';

const unknownOutcomeDetail = 'Whether it was sent on is not known. Send the same request again.';

/** A FIFO queue, whose messages of one group come one after the other, and of one name once. By the function's own role. */
export class SqsJobQueue implements JobQueue {
  readonly #client: SQSClient;
  readonly #url: string;

  constructor(client: SQSClient, url: string) {
    this.#client = client;
    this.#url = url;
  }

  async send(body: string, group: string, deduplicationId: string): Promise<void> {
    const command = new SendMessageCommand({
      QueueUrl: this.#url,
      MessageBody: body,
      MessageGroupId: group,
      MessageDeduplicationId: deduplicationId,
    });
    const { MessageId } = await mapTransientErrors(unknownOutcomeDetail, () => this.#client.send(command));
    if (MessageId === undefined) throw new VaultError('unavailable', { detail: unknownOutcomeDetail });
  }
}
