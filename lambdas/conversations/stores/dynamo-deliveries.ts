import type { UpdateItemInput } from '@aws-sdk/client-dynamodb';
import { DecryptionError } from '../../../core/decryption-error.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { mapTransientErrors } from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders, toItem, unmarshallItem } from '../../shared/stores/dynamo-item-codec.ts';
import { setIfAbsent } from '../../shared/stores/write-conditionally.ts';
import type { Delivery, DeliveryStore } from '../conversation-ports.ts';

/** Error detail of a failed webhook. Providers retry, and deduplication makes a retry safe. */
const retryDetail = 'It is unknown whether the message was accepted. Send it again.';

/**
 * Stores one item per delivery (docs/channels.md). Existing attributes are not overwritten, except `state` by
 * markQueued.
 */
export class DynamoDeliveries implements DeliveryStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
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
    const input: UpdateItemInput = {
      TableName: this.#table,
      Key: toItem({ org, id }),
      UpdateExpression: 'SET #state = :queued',
      ExpressionAttributeNames: namePlaceholders('state'),
      ExpressionAttributeValues: toItem({ ':queued': 'queued' }),
    };
    await mapTransientErrors(retryDetail, () => this.#clientOf(org).updateItem(input));
  }

  async #setIfAbsent(org: string, id: string, fields: Record<string, unknown>): Promise<Record<string, unknown>> {
    const present = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
    const place = { TableName: this.#table, Key: toItem({ org, id }) };
    return unmarshallItem(await setIfAbsent(this.#clientOf(org), place, present, retryDetail));
  }
}
