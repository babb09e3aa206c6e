import { clockToleranceSeconds } from '../../../core/encoding/clock-tolerance.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { updateItem } from '../../directory/stores/directory-items.ts';
import { namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';

/** All times in seconds since 1970. */
export interface Pause {
  readonly now: number;
  /** The last beginning must not be later than this. */
  readonly notBefore: number;
  /** When the table removes the time of this beginning. */
  readonly ttl: number;
}

/**
 * Stores that something begins now. Of several requests at a time, one gets true. Returns false and changes nothing if the
 * last beginning was after `notBefore`. A time in the future, or of another type, is not one of a beginning, and would end
 * all of them, so it is replaced.
 */
export const beginAfterPause = (
  client: DynamoClient,
  table: string,
  key: { readonly org: string; readonly id: string },
  { now, notBefore, ttl }: Pause,
): Promise<boolean> =>
  updateItem(client, {
    TableName: table,
    Key: toItem(key),
    UpdateExpression: 'SET #at = :now, #ttl = :ttl',
    // Comparisons with a missing attribute, or one of another type, are false.
    ConditionExpression: 'NOT (#at > :notBefore AND #at <= :latest)',
    ExpressionAttributeNames: namePlaceholders('at', 'ttl'),
    ExpressionAttributeValues: toItem({
      ':now': now,
      ':notBefore': notBefore,
      ':latest': now + clockToleranceSeconds,
      ':ttl': ttl,
    }),
  });
