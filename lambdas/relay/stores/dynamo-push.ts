import { toTtlSeconds } from '../../../core/encoding/ttl-seconds.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { putItem, updateItem } from '../../directory/stores/directory-items.ts';
import { writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders, toItem, unmarshallReadable } from '../../shared/stores/dynamo-item-codec.ts';
import { idPrefixQuery, queryPage } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { AttachmentUsage } from '../attachment-service.ts';
import type { PushStore, PushSubscription, SocketOwner } from '../socket-ports.ts';
import { beginAfterPause } from './begin-after-pause.ts';

const subscriptionPrefix = (device: string): string => `p/${device}/`;
const subscriptionId = (device: string, id: string): string => `${subscriptionPrefix(device)}${id}`;
const noticeId = (device: string): string => `q/${device}`;
const usageId = (device: string, day: string): string => `u/${device}/${day}`;

/** More subscriptions than a device can have, since expired ones can still be stored. */
const maxSubscriptions = 20;
/** How long the time of the last notice is kept, in seconds. */
const noticeSeconds = 86_400;

/** Push subscriptions, the times of notices, and the usage of attachments: in the table of mailboxes. */
export class DynamoPush implements PushStore, AttachmentUsage {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  putSubscription({ org, device }: SocketOwner, { id, endpoint, expiresAt }: PushSubscription): Promise<void> {
    const item = { org, id: subscriptionId(device, id), endpoint, expiresAt, ttl: toTtlSeconds(expiresAt) };
    return putItem(this.#clientOf(org), this.#table, item);
  }

  async listSubscriptions({ org, device }: SocketOwner): Promise<readonly PushSubscription[]> {
    const prefix = subscriptionPrefix(device);
    const { items } = await queryPage(this.#clientOf(org), idPrefixQuery(this.#table, org, prefix), maxSubscriptions);
    return items.flatMap((item) => {
      const { id, endpoint, expiresAt } = unmarshallReadable(item);
      // A malformed row is not one of the service.
      if (typeof id !== 'string' || typeof endpoint !== 'string' || typeof expiresAt !== 'string') return [];
      return { id: id.slice(prefix.length), endpoint, expiresAt };
    });
  }

  deleteSubscription({ org, device }: SocketOwner, id: string): Promise<boolean> {
    return writeConditionally(
      () =>
        this.#clientOf(org).deleteItem({
          TableName: this.#table,
          Key: toItem({ org, id: subscriptionId(device, id) }),
          ConditionExpression: 'attribute_exists(#id)',
          ExpressionAttributeNames: namePlaceholders('id'),
        }),
      writeOutcomeUnknownDetail,
    );
  }

  beginNotice({ org, device }: SocketOwner, now: number, notBefore: number): Promise<boolean> {
    const pause = { now, notBefore, ttl: now + noticeSeconds };
    return beginAfterPause(this.#clientOf(org), this.#table, { org, id: noticeId(device) }, pause);
  }

  addAnnounced(org: string, device: string, day: string, bytes: number, max: number, ttl: number): Promise<boolean> {
    return updateItem(this.#clientOf(org), {
      TableName: this.#table,
      Key: toItem({ org, id: usageId(device, day) }),
      UpdateExpression: 'SET #ttl = :ttl ADD #bytes :bytes',
      ConditionExpression: 'attribute_not_exists(#bytes) OR #bytes <= :room',
      ExpressionAttributeNames: namePlaceholders('bytes', 'ttl'),
      ExpressionAttributeValues: toItem({ ':bytes': bytes, ':room': max - bytes, ':ttl': ttl }),
    });
  }
}
