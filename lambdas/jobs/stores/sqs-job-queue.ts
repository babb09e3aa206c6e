import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { mapTransientErrors } from '../../shared/stores/aws-error-mapping.ts';
import type { JobQueue } from '../job-ports.ts';

const unknownOutcomeDetail = 'It is unknown whether the job was sent. Send the same request again.';

/**
 * A FIFO queue. Messages of the same group are delivered in order, and messages with the same deduplication ID once.
 * Calls use the role of the function itself.
 */
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
