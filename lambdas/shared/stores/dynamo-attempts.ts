/** Counters of attempts in a DynamoDB table with the keys `org` and `id`. */

import type { DeleteItemInput } from '@aws-sdk/client-dynamodb';
import { clockToleranceSeconds } from '../../../core/encoding/clock-tolerance.ts';
import { toTtlSeconds } from '../../../core/encoding/ttl-seconds.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import type { AttemptLimit, AttemptStore } from '../attempt-ports.ts';
import { mapTransientErrors, writeOutcomeUnknownDetail } from './aws-error-mapping.ts';
import { namePlaceholders, toItem, unmarshallReadable } from './dynamo-item-codec.ts';
import { countAndReturn, updateAndReturn } from './write-conditionally.ts';

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
    const inSeconds = (seconds: number) => new Date(now.getTime() + seconds * 1000).toISOString();
    const until = inSeconds(limit.windowSeconds);
    // A window that ends later was written by somebody else: it would refuse every attempt for ever.
    const latest = inSeconds(limit.windowSeconds + clockToleranceSeconds);
    const window = { ':one': 1, ':until': until, ':ttl': toTtlSeconds(until) };
    const names = namePlaceholders('tries', 'until', 'ttl');
    // Always a single write of the same kind, whether or not the login exists and whatever the previous attempts
    // returned.
    const counted = await countAndReturn(this.#clientOf(org), {
      ...this.#at(org, id),
      ReturnValues: 'UPDATED_NEW',
      UpdateExpression:
        'SET #tries = if_not_exists(#tries, :zero) + :one, #until = if_not_exists(#until, :until), #ttl = if_not_exists(#ttl, :ttl)',
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: toItem({ ...window, ':zero': 0 }),
    });
    const { tries, until: windowEnd } = unmarshallReadable(counted ?? {});
    if (typeof windowEnd === 'string' && windowEnd > now.toISOString() && windowEnd <= latest) {
      if (typeof tries === 'number' && tries <= limit.attempts) return 0;
      const seconds = Math.ceil((Date.parse(windowEnd) - now.getTime()) / 1000);
      // The end is a text that is no time if somebody altered it.
      return Number.isNaN(seconds) ? limit.windowSeconds : Math.max(1, seconds);
    }
    // The window has passed. Only one request starts a new window.
    const newWindow = await updateAndReturn(this.#clientOf(org), {
      ...this.#at(org, id),
      ReturnValues: 'UPDATED_NEW',
      UpdateExpression: 'SET #tries = :one, #until = :until, #ttl = :ttl',
      // Also true for an attribute of another type, so that an altered item is replaced.
      ConditionExpression: 'NOT #until > :now OR #until > :latest',
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: toItem({ ...window, ':now': now.toISOString(), ':latest': latest }),
    });
    if (newWindow !== undefined) return 0;
    // Another request started the window, or the count is damaged within a window that has not ended.
    return counted === undefined ? limit.windowSeconds : await this.countAttempt(org, counter, limit, now);
  }

  async resetAttempts(org: string, counter: string): Promise<void> {
    const input: DeleteItemInput = this.#at(org, this.#itemIdOf(counter));
    await mapTransientErrors(writeOutcomeUnknownDetail, () => this.#clientOf(org).deleteItem(input));
  }

  #at(org: string, id: string) {
    return { TableName: this.#table, Key: toItem({ org, id }) };
  }
}
