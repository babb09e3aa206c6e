import type { DeleteItemInput, PutItemInput, UpdateItemInput } from '@aws-sdk/client-dynamodb';
import { limits } from '../../../contract/shared/limits.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { mapTransientErrors, writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { type Item, namePlaceholders, toItem, unmarshallOrEmpty } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import { isConditionFailure, writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { AttemptLimit, AttemptStore, LocatorStore, StoredLocator } from '../user-ports.ts';
import { attemptsItemId, locatorItemId, parseLocatorItem } from './user-item-codec.ts';

/** DynamoDB TTL takes seconds since 1970. TTL only cleans up: this module compares all times itself. */
const toTtlSeconds = (time: string | undefined) =>
  time === undefined ? undefined : Math.ceil(Date.parse(time) / 1000);

/** Locators and counts of attempts, stored in the table of user keyrings. */
export class DynamoLocators implements LocatorStore, AttemptStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async find(org: string, locator: string): Promise<StoredLocator | undefined> {
    const item = await getItem(this.#clientOf(org), this.#table, { org, id: locatorItemId(locator) });
    return item === undefined ? undefined : parseLocatorItem(item, locator);
  }

  claim(org: string, next: StoredLocator, before: string | undefined, beforeSlot?: string): Promise<boolean> {
    const { locator, ...rest } = next;
    // Accept a retry of the same link code, but reject another code with the same handle.
    const sameSlotCondition = next.expiresAt === undefined ? '' : ' AND #slot = :slot';
    const expectedSlotCondition = beforeSlot === undefined ? 'attribute_not_exists(#slot)' : '#slot = :beforeSlot';
    const replaceCondition = before === undefined ? '' : ` OR (#user = :before AND ${expectedSlotCondition})`;
    const names = ['id', 'user', ...(sameSlotCondition + replaceCondition === '' ? [] : ['slot'])];
    const input: PutItemInput = {
      TableName: this.#table,
      Item: toItem({ org, id: locatorItemId(locator), ...rest, ttl: toTtlSeconds(next.expiresAt) }),
      ConditionExpression: `attribute_not_exists(#id) OR (#user = :user${sameSlotCondition})${replaceCondition}`,
      ExpressionAttributeNames: namePlaceholders(...names),
      ExpressionAttributeValues: toItem({
        ':user': next.user,
        ':slot': sameSlotCondition === '' ? undefined : next.slot,
        ':before': before,
        ':beforeSlot': before === undefined ? undefined : beforeSlot,
      }),
    };
    return writeConditionally(() => this.#clientOf(org).putItem(input), writeOutcomeUnknownDetail);
  }

  async remove(org: string, locator: string, user: string, slot?: string): Promise<void> {
    const input: DeleteItemInput = {
      TableName: this.#table,
      Key: toItem({ org, id: locatorItemId(locator) }),
      ConditionExpression: slot === undefined ? '#user = :user' : '#user = :user AND #slot = :slot',
      ExpressionAttributeNames: namePlaceholders('user', ...(slot === undefined ? [] : ['slot'])),
      ExpressionAttributeValues: toItem({ ':user': user, ':slot': slot }),
    };
    await writeConditionally(() => this.#clientOf(org).deleteItem(input), writeOutcomeUnknownDetail);
  }

  async retire(org: string, locator: string, user: string, ttl: number, slot?: string): Promise<void> {
    await this.#update(org, locatorItemId(locator), {
      UpdateExpression: 'SET #ttl = :ttl',
      ConditionExpression: slot === undefined ? '#user = :user' : '#user = :user AND #slot = :slot',
      ExpressionAttributeNames: namePlaceholders('ttl', 'user', ...(slot === undefined ? [] : ['slot'])),
      ExpressionAttributeValues: toItem({ ':ttl': ttl, ':user': user, ':slot': slot }),
    });
  }

  async countLinkCodeTry(org: string, locator: string, now: Date): Promise<StoredLocator | undefined> {
    const counted = await this.#updateUnlessDamaged(org, locatorItemId(locator), {
      UpdateExpression: 'SET #tries = #tries + :one',
      ConditionExpression: '#tries < :most AND #expiresAt > :now',
      ExpressionAttributeNames: namePlaceholders('tries', 'expiresAt'),
      // All times have the same length (RFC 3339 in UTC with milliseconds), so they compare as strings.
      ExpressionAttributeValues: toItem({ ':one': 1, ':most': limits.linkCodeAttempts, ':now': now.toISOString() }),
    });
    return counted === undefined ? undefined : parseLocatorItem(counted, locator);
  }

  async countAttempt(org: string, counter: string, limit: AttemptLimit, now: Date): Promise<number> {
    const id = attemptsItemId(counter);
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
    const Key = toItem({ org, id: attemptsItemId(counter) });
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
