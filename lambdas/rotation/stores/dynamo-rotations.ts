import { ConditionalCheckFailedException, type DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod/mini';
import { mapTransientErrors, valueWriteOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders, toItem, unmarshallOrEmpty } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import type { MessageCounter, RotationProgress, RotationProgressStore } from '../rotation-ports.ts';

const countSchema = z.int().check(z.minimum(0));
const progressSchema = z.object({
  to: countSchema,
  state: z.enum(['running', 'draining', 'stuck', 'done']),
  counted: countSchema,
  total: countSchema,
  reencrypted: countSchema,
  damaged: countSchema,
  updatedAt: z.string(),
  finishedAt: z.optional(z.string()),
});

/**
 * One item per org: the `progress` of the latest rotation, and the number of `messages` encrypted with DEK
 * `messagesVersion`.
 */
export class DynamoRotations implements RotationProgressStore, MessageCounter {
  readonly #clientOf: (org: string) => DynamoDBClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoDBClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async read(org: string): Promise<RotationProgress | undefined> {
    const item = await getItem(this.#clientOf(org), this.#table, { org });
    // Malformed progress counts as absent. Nothing depends on it, and the next step overwrites it.
    return item === undefined ? undefined : progressSchema.safeParse(unmarshallOrEmpty(item).progress).data;
  }

  async save(org: string, progress: RotationProgress): Promise<void> {
    const command = new UpdateItemCommand({
      TableName: this.#table,
      Key: toItem({ org }),
      UpdateExpression: 'SET #progress = :progress',
      ExpressionAttributeNames: namePlaceholders('progress'),
      ExpressionAttributeValues: toItem({ ':progress': { ...progress } }),
    });
    await mapTransientErrors(valueWriteOutcomeUnknownDetail, () => this.#clientOf(org).send(command));
  }

  async add(org: string, version: number, messages: number): Promise<number> {
    const names = namePlaceholders('messages', 'messagesVersion');
    const values = toItem({ ':messages': messages, ':version': version });
    const key = { TableName: this.#table, Key: toItem({ org }), ReturnValues: 'UPDATED_NEW' as const };
    const increment = new UpdateItemCommand({
      ...key,
      UpdateExpression: 'ADD #messages :messages',
      ConditionExpression: '#messagesVersion = :version',
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
    });
    const reset = new UpdateItemCommand({
      ...key,
      UpdateExpression: 'SET #messages = :messages, #messagesVersion = :version',
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
    });
    try {
      return await this.#updateCount(org, increment);
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return await this.#updateCount(org, reset);
      throw error;
    }
  }

  async #updateCount(org: string, command: UpdateItemCommand): Promise<number> {
    const { Attributes } = await mapTransientErrors(valueWriteOutcomeUnknownDetail, () =>
      this.#clientOf(org).send(command),
    );
    return Number(Attributes?.messages?.N ?? 0);
  }
}
