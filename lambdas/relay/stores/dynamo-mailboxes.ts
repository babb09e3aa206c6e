import { DecryptionError } from '../../../core/decryption-error.ts';
import { isHashId } from '../../../core/directory/directory-ids.ts';
import { isCount } from '../../../core/encoding/stored-record-fields.ts';
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
  parsedOrNone,
  toItem,
  unmarshallReadable,
} from '../../shared/stores/dynamo-item-codec.ts';
import { idPrefixQuery, queryPage } from '../../shared/stores/dynamo-query.ts';
import { countAndReturn, isTypeMismatch, writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type {
  KnownName,
  MailboxPage,
  MailboxStore,
  MessageKey,
  MessageReader,
  SenderUsage,
  StoredMessage,
} from '../mailbox-ports.ts';
import { beginAfterPause } from './begin-after-pause.ts';

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

/** More senders than this in one mailbox are counted as if they had nothing in it. */
const maxSenders = 10_000;

function keyOfItem({ id }: Item): MessageKey {
  const [, recipient = '', sender = '', counter = ''] = (id?.S ?? '').split('/');
  return { recipient, sender, counter: Number.parseInt(counter, 16) };
}

const isMessage = ({ id }: Item): boolean => id?.S?.startsWith('m/') ?? false;
const acknowledgedFirst = (a: Item, b: Item): number => Number(isMessage(a)) - Number(isMessage(b));

const bytesOf = (fields: Fields, name: string): Uint8Array => {
  const value = fields[name];
  if (!(value instanceof Uint8Array)) throw new DecryptionError();
  return value;
};

/** @throws DecryptionError for missing fields */
function parseMessage(item: Item): StoredMessage {
  const fields = unmarshallReadable(item);
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

/** A damaged message is left out, because it must not hide the others. So is one whose key no cursor can name. */
const parseMessageOrNone = (item: Item): StoredMessage[] =>
  parsedOrNone(item, parseMessage).filter((one) => isHashId(one.sender) && messageId(one) === item.id?.S);

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
      const { highest, messages, bytes } = unmarshallReadable(item);
      // A damaged count is none, because it must not keep all senders from the mailbox.
      return {
        sender: keyOfItem(item).sender,
        highest: isCount(highest) ? highest : -1,
        messages: isCount(messages) ? messages : 0,
        bytes: isCount(bytes) ? bytes : 0,
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
    const update = (UpdateExpression: string) => ({
      TableName: this.#table,
      Key: toItem({ org, id: usageId(recipient, sender) }),
      UpdateExpression,
      // A counter that is none is read as no counter (listUsage).
      ConditionExpression:
        'attribute_not_exists(#id) OR #highest < :counter OR NOT #highest BETWEEN :zero AND :most OR NOT attribute_type(#highest, :number)',
      ExpressionAttributeNames: namePlaceholders('id', 'highest', 'messages', 'bytes'),
      ExpressionAttributeValues: toItem({
        ...{ ':counter': counter, ':one': 1, ':bytes': message.length },
        ...{ ':zero': 0, ':most': Number.MAX_SAFE_INTEGER - 1, ':number': 'N' },
      }),
    });
    const write = (expression: string) => this.#clientOf(org).updateItem(update(expression));
    try {
      const counted = 'SET #highest = :counter ADD #messages :one, #bytes :bytes';
      await writeConditionally(() => write(counted), writeOutcomeUnknownDetail);
    } catch (error) {
      if (!isTypeMismatch(error)) throw error;
      // Somebody altered a number, so the count begins again.
      const begun = 'SET #highest = :counter, #messages = :one, #bytes = :bytes';
      await writeConditionally(() => write(begun), writeOutcomeUnknownDetail);
    }
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
      const { hash, bytes } = unmarshallReadable(item);
      const isStored = isMessage(item);
      // One that is damaged has another hash than every message, and can be acknowledged like the others.
      known.set((item.id?.S ?? '').slice(2), {
        ...keyOfItem(item),
        state: isStored ? 'stored' : 'acknowledged',
        hash: hash instanceof Uint8Array ? hash : new Uint8Array(0),
        bytes: isStored && isCount(bytes) ? bytes : 0,
      });
    }
    return [...known.values()];
  }

  async get(org: string, keys: readonly MessageKey[]): Promise<readonly StoredMessage[]> {
    const ids = new Set(keys.map(messageId));
    const found = await batchGet(this.#clientOf(org), {
      [this.#table]: { Keys: [...ids].map((id) => toItem({ org, id })), ConsistentRead: true },
    });
    return (found.get(this.#table) ?? []).flatMap(parseMessageOrNone);
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
        const [message] = parseMessageOrNone(item);
        if (message === undefined) continue;
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
    // Undefined also if a count is no number. It is an estimate, which the next recount replaces.
    await countAndReturn(this.#clientOf(org), {
      TableName: this.#table,
      Key: toItem({ org, id: usageId(recipient, sender) }),
      ReturnValues: 'NONE',
      UpdateExpression,
      // Without this condition, the update would create an item without a highest counter.
      ConditionExpression: 'attribute_exists(#id)',
      ExpressionAttributeNames: namePlaceholders('id', 'messages', 'bytes'),
      ExpressionAttributeValues: toItem({ ':messages': messages, ':bytes': bytes }),
    });
  }

  beginRecount(org: string, recipient: string, now: number, notBefore: number): Promise<boolean> {
    const pause = { now, notBefore, ttl: now + 2 * (now - notBefore) };
    return beginAfterPause(this.#clientOf(org), this.#table, { org, id: recountId(recipient) }, pause);
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
        const { ttl, bytes } = unmarshallReadable(item);
        if (typeof ttl === 'number' && ttl <= now) continue;
        const { sender } = keyOfItem(item);
        const before = counted.get(sender) ?? { messages: 0, bytes: 0 };
        counted.set(sender, { messages: before.messages + 1, bytes: before.bytes + (isCount(bytes) ? bytes : 0) });
      }
      start = LastEvaluatedKey;
    } while (start !== undefined);
    return counted;
  }
}
