import type { DeleteItemInput, PutItemInput } from '@aws-sdk/client-dynamodb';
import { limits } from '../../../contract/shared/limits.ts';
import { toTtlSeconds } from '../../../core/encoding/ttl-seconds.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import type { AttemptLimit, AttemptStore } from '../../shared/attempt-ports.ts';
import { writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { DynamoAttempts } from '../../shared/stores/dynamo-attempts.ts';
import { namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import { countAndReturn, updateAndReturn, writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { LocatorStore, StoredLocator } from '../user-ports.ts';
import { attemptsItemId, locatorItemId, parseLocatorItem } from './user-item-codec.ts';

/** Locators and counts of attempts, stored in the table of user keyrings. */
export class DynamoLocators implements LocatorStore, AttemptStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;
  readonly #attempts: DynamoAttempts;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
    this.#attempts = new DynamoAttempts(clientOf, table, attemptsItemId);
  }

  async find(org: string, locator: string): Promise<StoredLocator | undefined> {
    const item = await getItem(this.#clientOf(org), this.#table, { org, id: locatorItemId(locator) });
    return item === undefined ? undefined : parseLocatorItem(item, locator);
  }

  claim(org: string, next: StoredLocator, before: string | undefined, beforeSlot?: string): Promise<boolean> {
    const { locator, ...rest } = next;
    // Accept a retry of the same link code, but reject another code with the same handle.
    const sameSlotCondition = next.expiresAt === undefined ? '' : ' AND #slot = :slot';
    // A slot of another type is read as none (parseLocatorItem). If it failed the condition, no claim could ever succeed.
    const noSlotCondition = '(attribute_not_exists(#slot) OR NOT attribute_type(#slot, :text))';
    const expectedSlotCondition = beforeSlot === undefined ? noSlotCondition : '#slot = :beforeSlot';
    const replaceCondition = before === undefined ? '' : ` OR (#user = :before AND ${expectedSlotCondition})`;
    const names = ['id', 'user', ...(sameSlotCondition + replaceCondition === '' ? [] : ['slot'])];
    const input: PutItemInput = {
      TableName: this.#table,
      Item: toItem({
        org,
        id: locatorItemId(locator),
        ...rest,
        ttl: next.expiresAt === undefined ? undefined : toTtlSeconds(next.expiresAt),
      }),
      ConditionExpression: `attribute_not_exists(#id) OR (#user = :user${sameSlotCondition})${replaceCondition}`,
      ExpressionAttributeNames: namePlaceholders(...names),
      ExpressionAttributeValues: toItem({
        ':user': next.user,
        ':slot': sameSlotCondition === '' ? undefined : next.slot,
        ':before': before,
        ':beforeSlot': before === undefined ? undefined : beforeSlot,
        ':text': before !== undefined && beforeSlot === undefined ? 'S' : undefined,
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
    await updateAndReturn(this.#clientOf(org), {
      ...this.#at(org, locatorItemId(locator)),
      UpdateExpression: 'SET #ttl = :ttl',
      ConditionExpression: slot === undefined ? '#user = :user' : '#user = :user AND #slot = :slot',
      ExpressionAttributeNames: namePlaceholders('ttl', 'user', ...(slot === undefined ? [] : ['slot'])),
      ExpressionAttributeValues: toItem({ ':ttl': ttl, ':user': user, ':slot': slot }),
    });
  }

  async countLinkCodeTry(org: string, locator: string, now: Date): Promise<StoredLocator | undefined> {
    const counted = await countAndReturn(this.#clientOf(org), {
      ...this.#at(org, locatorItemId(locator)),
      UpdateExpression: 'SET #tries = #tries + :one',
      ConditionExpression: '#tries < :most AND #expiresAt > :now',
      ExpressionAttributeNames: namePlaceholders('tries', 'expiresAt'),
      // All times have the same length (RFC 3339 in UTC with milliseconds), so they compare as strings.
      ExpressionAttributeValues: toItem({ ':one': 1, ':most': limits.linkCodeAttempts, ':now': now.toISOString() }),
    });
    return counted === undefined ? undefined : parseLocatorItem(counted, locator);
  }

  countAttempt(org: string, counter: string, limit: AttemptLimit, now: Date): Promise<number> {
    return this.#attempts.countAttempt(org, counter, limit, now);
  }

  resetAttempts(org: string, counter: string): Promise<void> {
    return this.#attempts.resetAttempts(org, counter);
  }

  #at(org: string, id: string) {
    return { TableName: this.#table, Key: toItem({ org, id }) };
  }
}
