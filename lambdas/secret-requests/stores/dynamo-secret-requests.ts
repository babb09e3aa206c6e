/** Requests for a secret in DynamoDB (docs/secret-requests.md, section 7). */
import type { PutItemInput, UpdateItemInput } from '@aws-sdk/client-dynamodb';
import type { SecretRequestId } from '../../../core/secret-requests/request-link.ts';
import type { SecretRequestRecord } from '../../../core/secret-requests/request-record.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { mapTransientErrors, writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { batchGet } from '../../shared/stores/dynamo-batch-get.ts';
import {
  type Item,
  namePlaceholders,
  toItem,
  unmarshallKeyring,
  unmarshallReadable,
} from '../../shared/stores/dynamo-item-codec.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { Claim, SecretRequestStore, StoredSecretRequest } from '../secret-request-ports.ts';

const requestPrefix = 'request/';

/** Id of the item of a counter of requests. */
export const attemptItemId = (counter: string): string => `attempts/${counter}`;

/** Condition: no answer is being stored. Also true for a time that no answer has written, as assertNotAbandoned reads it. */
const unclaimed = '(attribute_not_exists(#claim) OR NOT #claimedAt BETWEEN :voidBefore AND :latest)';
const open = 'attribute_exists(#id) AND attribute_not_exists(#state)';

export class DynamoSecretRequests implements SecretRequestStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #tables: { readonly requests: string; readonly keyrings: string };

  constructor(
    clientOf: (org: string) => DynamoClient,
    tables: { readonly requests: string; readonly keyrings: string },
  ) {
    this.#clientOf = clientOf;
    this.#tables = tables;
  }

  async create(id: SecretRequestId, { request, mac }: SecretRequestRecord, share: string, ttl: number): Promise<void> {
    const input: PutItemInput = {
      TableName: this.#tables.requests,
      Item: { ...keyOf(id), ...toItem({ request, mac, share, ttl }) },
      // The comparison lets the client's retry after a lost reply succeed.
      ConditionExpression: 'attribute_not_exists(#id) OR #mac = :mac',
      ExpressionAttributeNames: namePlaceholders('id', 'mac'),
      ExpressionAttributeValues: toItem({ ':mac': mac }),
    };
    await mapTransientErrors('A request may have been made. Its link is lost, and it expires by itself.', () =>
      this.#clientOf(id.org).putItem(input),
    );
  }

  async get(id: SecretRequestId): Promise<StoredSecretRequest | undefined> {
    const { requests } = this.#tables;
    const found = await batchGet(this.#clientOf(id.org), { [requests]: { Keys: [keyOf(id)], ConsistentRead: true } });
    return parseItem(found.get(requests)?.[0]);
  }

  async getWithKeyring(id: SecretRequestId) {
    const { requests, keyrings } = this.#tables;
    const found = await batchGet(this.#clientOf(id.org), {
      [requests]: { Keys: [keyOf(id)], ConsistentRead: true },
      [keyrings]: { Keys: [toItem({ org: id.org })], ConsistentRead: true },
    });
    return { stored: parseItem(found.get(requests)?.[0]), keyring: parseKeyringItem(found.get(keyrings)?.[0]) };
  }

  async getKeyring(org: string): Promise<unknown> {
    const { keyrings } = this.#tables;
    const keys = { Keys: [toItem({ org })], ConsistentRead: true };
    return parseKeyringItem((await batchGet(this.#clientOf(org), { [keyrings]: keys })).get(keyrings)?.[0]);
  }

  claim(id: SecretRequestId, { claim, now }: Claim): Promise<boolean> {
    return this.#update(id, {
      UpdateExpression: 'SET #claim = :claim, #claimedAt = :now',
      // Never in place of another claim, however old: its value may be stored. A claim of another type is read as none.
      ConditionExpression: `${open} AND (attribute_not_exists(#claim) OR #claim = :claim OR NOT attribute_type(#claim, :text))`,
      ExpressionAttributeNames: namePlaceholders('id', 'state', 'claim', 'claimedAt'),
      ExpressionAttributeValues: toItem({ ':claim': claim, ':now': now, ':text': 'S' }),
    });
  }

  async release(id: SecretRequestId, claim: string): Promise<void> {
    await this.#update(id, {
      UpdateExpression: 'REMOVE #claim, #claimedAt',
      ConditionExpression: `${open} AND #claim = :claim`,
      ExpressionAttributeNames: namePlaceholders('id', 'state', 'claim', 'claimedAt'),
      ExpressionAttributeValues: toItem({ ':claim': claim }),
    });
  }

  async markFilled(id: SecretRequestId, { claim, now }: Claim): Promise<void> {
    // Without a condition on the state: the value is stored, so a denial of a void claim must not hide that.
    await this.#update(id, {
      UpdateExpression: 'SET #state = :filled, #closedAt = :now, #claim = :claim REMOVE #share, #claimedAt',
      ConditionExpression: 'attribute_exists(#id)',
      ExpressionAttributeNames: namePlaceholders('id', 'state', 'closedAt', 'share', 'claim', 'claimedAt'),
      ExpressionAttributeValues: toItem({ ':filled': 'filled', ':now': now, ':claim': claim }),
    });
  }

  close(
    id: SecretRequestId,
    state: 'denied' | 'cancelled',
    { now, voidBefore, latest }: Omit<Claim, 'claim'>,
  ): Promise<boolean> {
    return this.#update(id, {
      UpdateExpression: 'SET #state = :state, #closedAt = :now REMOVE #share, #claim, #claimedAt',
      ConditionExpression: `${open} AND ${unclaimed}`,
      ExpressionAttributeNames: namePlaceholders('id', 'state', 'closedAt', 'share', 'claim', 'claimedAt'),
      ExpressionAttributeValues: toItem({ ':state': state, ':now': now, ':voidBefore': voidBefore, ':latest': latest }),
    });
  }

  #update(id: SecretRequestId, change: Omit<UpdateItemInput, 'TableName' | 'Key'>): Promise<boolean> {
    const input: UpdateItemInput = { TableName: this.#tables.requests, Key: keyOf(id), ...change };
    return writeConditionally(() => this.#clientOf(id.org).updateItem(input), writeOutcomeUnknownDetail);
  }
}

const keyOf = ({ org, id }: SecretRequestId): Item => toItem({ org, id: requestPrefix + id });

const parseKeyringItem = (item: Item | undefined): unknown =>
  item === undefined ? undefined : unmarshallKeyring(item);

function parseItem(item: Item | undefined): StoredSecretRequest | undefined {
  if (item === undefined) return undefined;
  const { request, mac, share, state, closedAt, claim, claimedAt } = unmarshallReadable(item);
  const textOf = (field: unknown) => (typeof field === 'string' ? field : undefined);
  return {
    record: typeof request === 'string' && typeof mac === 'string' ? { request, mac } : undefined,
    share: textOf(share),
    // An unknown state closes the request too.
    state: state === undefined ? undefined : state === 'filled' || state === 'cancelled' ? state : 'denied',
    closedAt: textOf(closedAt),
    claim: textOf(claim),
    claimedAt: textOf(claimedAt),
  };
}
