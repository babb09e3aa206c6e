/** Counters of attempts in a DynamoDB table with the keys `org` and `id`. */
import type { DeleteItemInput, UpdateItemInput } from '@aws-sdk/client-dynamodb';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import type { AttemptLimit, AttemptStore } from '../attempt-ports.ts';
import { mapTransientErrors, writeOutcomeUnknownDetail } from './aws-error-mapping.ts';
import { type Item, namePlaceholders, toItem, unmarshallOrEmpty } from './dynamo-item-codec.ts';
import { isConditionFailure } from './write-conditionally.ts';

/** DynamoDB TTL takes seconds since 1970. TTL only cleans up: this module compares all times itself. */
const toTtlSeconds = (time: string) => Math.ceil(Date.parse(time) / 1000);

export class DynamoAttempts implements AttemptStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;
  readonly #itemIdOf: (counter: string) => string;

  /** @param itemIdOf id of the item of a counter. No other item of the table has it */
  constructor(clientOf: (org: string) => DynamoClient, table: string, itemIdOf: (counter: string) => string) {
    this.#clientOf = clientOf;
    this.#table = table;
    this.#itemIdOf = itemIdOf;
  }

  async countAttempt(org: string, counter: string, limit: AttemptLimit, now: Date): Promise<number> {
    const id = this.#itemIdOf(counter);
    const until = new Date(now.getTime() + limit.windowSeconds * 1000).toISOString();
    const window = { ':one': 1, ':until': until, ':ttl': toTtlSeconds(until) };
    const names = namePlaceholders('tries', 'until', 'ttl');
    // Always a single write of the same kind, whether or not the login exists and whatever the previous attempts
    // returned.
    const counted = await this.#updateUnlessDamaged(org, id, {
      UpdateExpression:
        'SET #tries = if_not_exists(#tries, :zero) + :one, #until = if_not_exists(#until, :until), #ttl = if_not_exists(#ttl, :ttl)',
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: toItem({ ...window, ':zero': 0 }),
    });
    const { tries, until: windowEnd } = unmarshallOrEmpty(counted ?? {});
    if (typeof windowEnd === 'string' && windowEnd > now.toISOString()) {
      if (typeof tries === 'number' && tries <= limit.attempts) return 0;
      const seconds = Math.ceil((Date.parse(windowEnd) - now.getTime()) / 1000);
      // The end is a text that is no time if somebody altered it.
      return Number.isNaN(seconds) ? limit.windowSeconds : Math.max(1, seconds);
    }
    // The window has passed. Only one request starts a new window.
    const newWindow = await this.#update(org, id, {
      UpdateExpression: 'SET #tries = :one, #until = :until, #ttl = :ttl',
      // Also true for an attribute of another type, so that an altered item is replaced.
      ConditionExpression: 'NOT #until > :now',
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: toItem({ ...window, ':now': now.toISOString() }),
    });
    if (newWindow !== undefined) return 0;
    // Another request started the window, or the count is damaged within a window that has not ended.
    return counted === undefined ? limit.windowSeconds : await this.countAttempt(org, counter, limit, now);
  }

  async resetAttempts(org: string, counter: string): Promise<void> {
    const Key = toItem({ org, id: this.#itemIdOf(counter) });
    const input: DeleteItemInput = { TableName: this.#table, Key };
    await mapTransientErrors(writeOutcomeUnknownDetail, () => this.#clientOf(org).deleteItem(input));
  }

  /** As #update. Returns undefined if an attribute that is counted is not a number, because somebody altered it. */
  async #updateUnlessDamaged(
    org: string,
    id: string,
    change: Omit<UpdateItemInput, 'TableName' | 'Key'>,
  ): Promise<Item | undefined> {
    try {
      return await this.#update(org, id, change);
    } catch (error) {
      if (error instanceof Error && error.name === 'ValidationException') return undefined;
      throw error;
    }
  }

  /** Returns the updated item, or undefined if the condition failed. */
  async #update(
    org: string,
    id: string,
    change: Omit<UpdateItemInput, 'TableName' | 'Key'>,
  ): Promise<Item | undefined> {
    const Key = toItem({ org, id });
    const input: UpdateItemInput = { TableName: this.#table, Key, ...change, ReturnValues: 'ALL_NEW' };
    try {
      const { Attributes } = await mapTransientErrors(writeOutcomeUnknownDetail, () =>
        this.#clientOf(org).updateItem(input),
      );
      return Attributes;
    } catch (error) {
      if (isConditionFailure(error)) return undefined;
      throw error;
    }
  }
}
