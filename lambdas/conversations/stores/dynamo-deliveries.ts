import { type DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { mapTransientErrors } from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import type { Delivery, DeliveryStore } from '../conversation-ports.ts';

/** Detail of a webhook that failed: providers repeat, and nothing is taken twice. */
const retryDetail = 'Whether the message was taken is not known. Send it again.';

/** Deliveries that were seen (docs/channels.md), one item each: what is there first stays. */
export class DynamoDeliveries implements DeliveryStore {
  readonly #clientOf: (org: string) => DynamoDBClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoDBClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async claim(org: string, id: string, job: string, ttl: number | undefined): Promise<Delivery> {
    const found = await this.#setIfAbsent(org, id, { job, state: 'new', ttl });
    if (typeof found.job !== 'string' || (found.state !== 'new' && found.state !== 'queued'))
      throw new DecryptionError();
    return { job: found.job, state: found.state };
  }

  async claimToken(org: string, id: string, delivery: string, ttl: number | undefined): Promise<boolean> {
    return (await this.#setIfAbsent(org, id, { delivery, ttl })).delivery === delivery;
  }

  async markQueued(org: string, id: string): Promise<void> {
    const command = new UpdateItemCommand({
      TableName: this.#table,
      Key: toItem({ org, id }),
      UpdateExpression: 'SET #state = :queued',
      ExpressionAttributeNames: namePlaceholders('state'),
      ExpressionAttributeValues: toItem({ ':queued': 'queued' }),
    });
    await mapTransientErrors(retryDetail, () => this.#clientOf(org).send(command));
  }

  /** Sets attributes that are not there yet, in one write, and gives the item as it is then. So its own retry changes nothing. */
  async #setIfAbsent(org: string, id: string, fields: Record<string, unknown>): Promise<Record<string, unknown>> {
    const names = Object.keys(fields).filter((name) => fields[name] !== undefined);
    const command = new UpdateItemCommand({
      TableName: this.#table,
      Key: toItem({ org, id }),
      UpdateExpression: `SET ${names.map((name) => `#${name} = if_not_exists(#${name}, :${name})`).join(', ')}`,
      ExpressionAttributeNames: namePlaceholders(...names),
      ExpressionAttributeValues: toItem(Object.fromEntries(names.map((name) => [`:${name}`, fields[name]]))),
      ReturnValues: 'ALL_NEW',
    });
    const { Attributes = {} } = await mapTransientErrors(retryDetail, () => this.#clientOf(org).send(command));
    return unmarshall(Attributes);
  }
}
