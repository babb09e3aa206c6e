import { DecryptionError } from '../../../core/decryption-error.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import {
  mapTransientErrors,
  nothingReadDetail,
  writeOutcomeUnknownDetail,
} from '../../shared/stores/aws-error-mapping.ts';
import { batchGet } from '../../shared/stores/dynamo-batch-get.ts';
import {
  type Fields,
  type Item,
  namePlaceholders,
  toItem,
  unmarshallItem,
} from '../../shared/stores/dynamo-item-codec.ts';
import { idPrefixQuery, queryPage } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type {
  KnownName,
  MailboxPage,
  MailboxStore,
  MessageKey,
  MessageReader,
  SenderUsage,
  StoredMessage,
} from '../mailbox-ports.ts';

type ClientOf = (org: string) => DynamoClient;
type Usage = Omit<SenderUsage, 'highest'>;

/** A u64 in hexadecimal, so that the order of the keys is that of the counters. */
const hex64 = (value: number): string => value.toString(16).padStart(16, '0');

const messageId = ({ recipient, sender, counter }: MessageKey): string => `m/${recipient}/${sender}/${hex64(counter)}`;
const acknowledgedId = ({ recipient, sender, counter }: MessageKey): string =>
  `a/${recipient}/${sender}/${hex64(counter)}`;
const usageId = (recipient: string, sender: string): string => `n/${recipient}/${sender}`;
/** The time of the last recount of a mailbox. Its id is not among those of the senders. */
const recountId = (recipient: string): string => `r/${recipient}`;

/** How far the clocks of two functions may differ. */
const clockToleranceSeconds = 60;

/** More senders than this in one mailbox are counted as if they had nothing in it. */
const maxSenders = 10_000;

function keyOfItem({ id }: Item): MessageKey {
  const [, recipient = '', sender = '', counter = ''] = (id?.S ?? '').split('/');
  return { recipient, sender, counter: Number.parseInt(counter, 16) };
}

const isMessage = ({ id }: Item): boolean => id?.S?.startsWith('m/') ?? false;
const acknowledgedFirst = (a: Item, b: Item): number => Number(isMessage(a)) - Number(isMessage(b));

const countOf = (fields: Fields, name: string): number => {
  const value = fields[name];
  if (!Number.isSafeInteger(value)) throw new DecryptionError();
  return Number(value);
};

const bytesOf = (fields: Fields, name: string): Uint8Array => {
  const value = fields[name];
  if (!(value instanceof Uint8Array)) throw new DecryptionError();
  return value;
};

/** @throws DecryptionError for missing fields */
function parseMessage(item: Item): StoredMessage {
  const fields = unmarshallItem(item);
  const { conversation, certificate, storedAt } = fields;
  if (typeof storedAt !== 'string') throw new DecryptionError();
  return {
    ...keyOfItem(item),
    message: bytesOf(fields, 'message'),
    hash: bytesOf(fields, 'hash'),
    conversation: typeof conversation === 'string' ? conversation : undefined,
    certificate: certificate instanceof Uint8Array ? certificate : undefined,
    storedAt,
  };
}

/** Messages, hashes of acknowledged ones, and usage: one item each, in the table without backups. */
export class DynamoMailboxes implements MailboxStore, MessageReader {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async listUsage(org: string, recipient: string): Promise<readonly SenderUsage[]> {
    const query = idPrefixQuery(this.#table, org, usageId(recipient, ''));
    const { items } = await queryPage(this.#clientOf(org), query, maxSenders);
    return items.map((item) => {
      const fields = unmarshallItem(item);
      return {
        sender: keyOfItem(item).sender,
        highest: countOf(fields, 'highest'),
        messages: countOf(fields, 'messages'),
        bytes: countOf(fields, 'bytes'),
      };
    });
  }

  put(org: string, message: StoredMessage, ttl: number): Promise<boolean> {
    const { recipient: _recipient, sender: _sender, counter: _counter, ...fields } = message;
    return writeConditionally(
      () =>
        this.#clientOf(org).putItem({
          TableName: this.#table,
          Item: toItem({ org, id: messageId(message), ...fields, bytes: message.message.length, ttl }),
          ConditionExpression: 'attribute_not_exists(#id)',
          ExpressionAttributeNames: namePlaceholders('id'),
        }),
      writeOutcomeUnknownDetail,
    );
  }

  async count(org: string, { recipient, sender, counter, message }: StoredMessage): Promise<void> {
    await writeConditionally(
      () =>
        this.#clientOf(org).updateItem({
          TableName: this.#table,
          Key: toItem({ org, id: usageId(recipient, sender) }),
          UpdateExpression: 'SET #highest = :counter ADD #messages :one, #bytes :bytes',
          ConditionExpression: 'attribute_not_exists(#id) OR #highest < :counter',
          ExpressionAttributeNames: namePlaceholders('id', 'highest', 'messages', 'bytes'),
          ExpressionAttributeValues: toItem({ ':counter': counter, ':one': 1, ':bytes': message.length }),
        }),
      writeOutcomeUnknownDetail,
    );
  }

  async find(org: string, keys: readonly MessageKey[]): Promise<readonly KnownName[]> {
    const ids = keys.flatMap((key) => [messageId(key), acknowledgedId(key)]);
    const found = await batchGet(this.#clientOf(org), {
      [this.#table]: {
        Keys: ids.map((id) => toItem({ org, id })),
        ProjectionExpression: '#id, #hash, #bytes',
        ExpressionAttributeNames: namePlaceholders('id', 'hash', 'bytes'),
        ConsistentRead: true,
      },
    });
    // A request that acknowledges stores the hash first, so both can be there: the message is still stored then.
    const known = new Map<string, KnownName>();
    for (const item of (found.get(this.#table) ?? []).toSorted(acknowledgedFirst)) {
      const fields = unmarshallItem(item);
      const isStored = isMessage(item);
      known.set((item.id?.S ?? '').slice(2), {
        ...keyOfItem(item),
        state: isStored ? 'stored' : 'acknowledged',
        hash: bytesOf(fields, 'hash'),
        bytes: isStored ? countOf(fields, 'bytes') : 0,
      });
    }
    return [...known.values()];
  }

  async get(org: string, keys: readonly MessageKey[]): Promise<readonly StoredMessage[]> {
    const ids = new Set(keys.map(messageId));
    const found = await batchGet(this.#clientOf(org), {
      [this.#table]: { Keys: [...ids].map((id) => toItem({ org, id })), ConsistentRead: true },
    });
    return (found.get(this.#table) ?? []).map(parseMessage);
  }

  async list(
    org: string,
    recipient: string,
    after: MessageKey | undefined,
    limit: number,
    maxBytes: number,
  ): Promise<MailboxPage> {
    const messages: StoredMessage[] = [];
    let bytes = 0;
    let start: Item | undefined = after && toItem({ org, id: messageId(after) });
    do {
      const query = {
        ...idPrefixQuery(this.#table, org, `m/${recipient}/`),
        ConsistentRead: true,
        Limit: limit - messages.length,
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      };
      const { Items = [], LastEvaluatedKey } = await mapTransientErrors(nothingReadDetail, () =>
        this.#clientOf(org).query(query),
      );
      for (const item of Items) {
        const message = parseMessage(item);
        bytes += message.message.length;
        if (bytes > maxBytes && messages.length > 0) return { messages, more: true };
        messages.push(message);
      }
      start = LastEvaluatedKey;
    } while (start !== undefined && messages.length < limit);
    return { messages, more: start !== undefined };
  }

  async putAcknowledged(org: string, key: MessageKey, hash: Uint8Array, ttl: number): Promise<void> {
    const item = toItem({ org, id: acknowledgedId(key), hash, ttl });
    await mapTransientErrors(writeOutcomeUnknownDetail, () =>
      this.#clientOf(org).putItem({ TableName: this.#table, Item: item }),
    );
  }

  delete(org: string, key: MessageKey): Promise<boolean> {
    return writeConditionally(
      () =>
        this.#clientOf(org).deleteItem({
          TableName: this.#table,
          Key: toItem({ org, id: messageId(key) }),
          ConditionExpression: 'attribute_exists(#id)',
          ExpressionAttributeNames: namePlaceholders('id'),
        }),
      writeOutcomeUnknownDetail,
    );
  }

  async discount(org: string, recipient: string, { sender, messages, bytes }: Usage): Promise<void> {
    await this.#updateUsage(org, recipient, sender, 'ADD #messages :messages, #bytes :bytes', -messages, -bytes);
  }

  async setUsage(org: string, recipient: string, { sender, messages, bytes }: Usage): Promise<void> {
    await this.#updateUsage(org, recipient, sender, 'SET #messages = :messages, #bytes = :bytes', messages, bytes);
  }

  async #updateUsage(
    org: string,
    recipient: string,
    sender: string,
    UpdateExpression: string,
    messages: number,
    bytes: number,
  ): Promise<void> {
    await writeConditionally(
      () =>
        this.#clientOf(org).updateItem({
          TableName: this.#table,
          Key: toItem({ org, id: usageId(recipient, sender) }),
          UpdateExpression,
          // Without this condition, the update would create an item without a highest counter.
          ConditionExpression: 'attribute_exists(#id)',
          ExpressionAttributeNames: namePlaceholders('id', 'messages', 'bytes'),
          ExpressionAttributeValues: toItem({ ':messages': messages, ':bytes': bytes }),
        }),
      writeOutcomeUnknownDetail,
    );
  }

  beginRecount(org: string, recipient: string, now: number, notBefore: number): Promise<boolean> {
    return writeConditionally(
      () =>
        this.#clientOf(org).updateItem({
          TableName: this.#table,
          Key: toItem({ org, id: recountId(recipient) }),
          UpdateExpression: 'SET #at = :now, #ttl = :ttl',
          // A time in the future is not one of a recount, and would end all of them.
          ConditionExpression: 'attribute_not_exists(#at) OR #at <= :notBefore OR #at > :latest',
          ExpressionAttributeNames: namePlaceholders('at', 'ttl'),
          ExpressionAttributeValues: toItem({
            ':now': now,
            ':notBefore': notBefore,
            ':latest': now + clockToleranceSeconds,
            ':ttl': now + 2 * (now - notBefore),
          }),
        }),
      writeOutcomeUnknownDetail,
    );
  }

  async measure(org: string, recipient: string, now: number) {
    const counted = new Map<string, { messages: number; bytes: number }>();
    let start: Item | undefined;
    do {
      const query = {
        ...idPrefixQuery(this.#table, org, `m/${recipient}/`),
        ProjectionExpression: '#id, #bytes, #ttl',
        ExpressionAttributeNames: namePlaceholders('org', 'id', 'bytes', 'ttl'),
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      };
      const { Items = [], LastEvaluatedKey } = await mapTransientErrors(nothingReadDetail, () =>
        this.#clientOf(org).query(query),
      );
      for (const item of Items) {
        const fields = unmarshallItem(item);
        if (countOf(fields, 'ttl') <= now) continue;
        const { sender } = keyOfItem(item);
        const before = counted.get(sender) ?? { messages: 0, bytes: 0 };
        counted.set(sender, { messages: before.messages + 1, bytes: before.bytes + countOf(fields, 'bytes') });
      }
      start = LastEvaluatedKey;
    } while (start !== undefined);
    return counted;
  }
}
