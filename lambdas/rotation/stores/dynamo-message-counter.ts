import type { UpdateItemInput } from '@aws-sdk/client-dynamodb';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { mapTransientErrors, valueWriteOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { isConditionFailure, isTypeMismatch } from '../../shared/stores/write-conditionally.ts';
import type { MessageCounter } from '../rotation-ports.ts';

/** The number of `messages` encrypted with DEK `messagesVersion`, in the item of the org. */
export class DynamoMessageCounter implements MessageCounter {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async add(org: string, version: number, messages: number): Promise<number> {
    const common: UpdateItemInput = {
      TableName: this.#table,
      Key: toItem({ org }),
      ExpressionAttributeNames: namePlaceholders('messages', 'messagesVersion'),
      ExpressionAttributeValues: toItem({ ':messages': messages, ':version': version }),
      ReturnValues: 'UPDATED_NEW',
    };
    try {
      return await this.#updateCount(org, {
        ...common,
        UpdateExpression: 'ADD #messages :messages',
        ConditionExpression: '#messagesVersion = :version',
      });
    } catch (error) {
      // Also if the count is no number, because somebody altered it: no rotation would be due ever.
      if (!isConditionFailure(error) && !isTypeMismatch(error)) throw error;
      return await this.#updateCount(org, {
        ...common,
        UpdateExpression: 'SET #messages = :messages, #messagesVersion = :version',
      });
    }
  }

  async #updateCount(org: string, input: UpdateItemInput): Promise<number> {
    const { Attributes } = await mapTransientErrors(valueWriteOutcomeUnknownDetail, () =>
      this.#clientOf(org).updateItem(input),
    );
    return Number(Attributes?.messages?.N ?? 0);
  }
}
