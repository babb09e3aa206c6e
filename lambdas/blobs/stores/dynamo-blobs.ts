import type { DeleteItemInput, PutItemInput, UpdateItemInput } from '@aws-sdk/client-dynamodb';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import type { LinkId } from '../../../core/blobs/share-link.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import type { Page } from '../../shared/ports.ts';
import { mapTransientErrors } from '../../shared/stores/aws-error-mapping.ts';
import { batchGet } from '../../shared/stores/dynamo-batch-get.ts';
import { type Item, namePlaceholders, toItem, unmarshallKeyring } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem, queryPage } from '../../shared/stores/dynamo-query.ts';
import { updateAndReturn, writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type {
  AuthenticatedBlob,
  BlobRecordPurger,
  BlobRecordStore,
  Completion,
  LinkOpening,
  LinkRecords,
  LinkStore,
  ListedBlob,
  PurgeableBlob,
  StoredBlob,
} from '../blob-ports.ts';
import { parseListedBlob, parseStoredBlob } from './blob-item-codec.ts';

type ClientOf = (org: string) => DynamoClient;
type BlobUpdate = Pick<UpdateItemInput, 'UpdateExpression' | 'ConditionExpression'> & {
  readonly names: readonly string[];
  readonly values: Record<string, unknown>;
};

/** Detail of a failed write to a record: the outcome is unknown, and a retry is safe. */
const writeOutcomeUnknownDetail = 'The change may or may not have been recorded. Send the same request again.';

const toUpdateInput = (table: string, org: string, id: string, { names, values, ...expressions }: BlobUpdate) => ({
  TableName: table,
  Key: toItem({ org, id }),
  ...expressions,
  ExpressionAttributeNames: namePlaceholders(...names),
  ExpressionAttributeValues: toItem(values),
});

const newestFirstQuery = (table: string, org: string, before: string | undefined) => ({
  TableName: table,
  KeyConditionExpression: '#org = :org',
  ExpressionAttributeNames: namePlaceholders('org'),
  ExpressionAttributeValues: toItem({ ':org': org }),
  ScanIndexForward: false,
  ...(before === undefined ? {} : { ExclusiveStartKey: toItem({ org, id: before }) }),
});

/** Of a record that is not verified, only an ID that S3 can have made: it refuses others, for which there is no upload. */
const uploadIdPattern = /^[\w.~+/=-]{1,1024}$/;

const toPurgeableBlob = ({ id, uploadId }: Item): PurgeableBlob => ({
  id: id?.S ?? '',
  uploadId: uploadId?.S !== undefined && uploadIdPattern.test(uploadId.S) ? uploadId.S : undefined,
});

async function removeRecord(client: DynamoClient, table: string, key: { org: string; id: string }): Promise<void> {
  const input: DeleteItemInput = { TableName: table, Key: toItem(key) };
  await mapTransientErrors(writeOutcomeUnknownDetail, () => client.deleteItem(input));
}

/** Records of blobs, one item each. A change is one conditional write. */
export class DynamoBlobs implements BlobRecordStore {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async create(blob: AuthenticatedBlob): Promise<void> {
    const put: PutItemInput = {
      TableName: this.#table,
      Item: toItem({ ...blob }),
      // The comparison lets the client's retry after a lost reply succeed: then the stored record is the one being
      // created.
      ConditionExpression: 'attribute_not_exists(#id) OR #locator = :locator',
      ExpressionAttributeNames: namePlaceholders('id', 'locator'),
      ExpressionAttributeValues: toItem({ ':locator': blob.locator }),
    };
    const detail = 'No link was returned. The list may contain an unused blob until it expires.';
    // Either 80 random bits collided within a millisecond or the random generator is broken. In both cases nothing may
    // be overwritten.
    if (!(await writeConditionally(() => this.#clientOf(blob.org).putItem(put), detail)))
      throw new VaultError('internal');
  }

  async get(org: string, id: string): Promise<StoredBlob | undefined> {
    const item = await getItem(this.#clientOf(org), this.#table, { org, id });
    return item === undefined ? undefined : parseStoredBlob(item);
  }

  async list(org: string, before: string | undefined, limit: number): Promise<Page<ListedBlob>> {
    const { items, more } = await queryPage(this.#clientOf(org), newestFirstQuery(this.#table, org, before), limit);
    return {
      items: items.map((item) => ({
        id: item.id?.S ?? '',
        blob: parseListedBlob(item),
      })),
      more,
    };
  }

  async getUnverified(org: string, id: string): Promise<PurgeableBlob | undefined> {
    const item = await getItem(this.#clientOf(org), this.#table, { org, id });
    return item === undefined ? undefined : toPurgeableBlob(item);
  }

  async remove(org: string, id: string): Promise<void> {
    await removeRecord(this.#clientOf(org), this.#table, { org, id });
  }

  markReady(
    { org, id, mac: before }: AuthenticatedBlob,
    { ttl, ...completion }: Completion & { readonly mac: string },
  ): Promise<boolean> {
    const set = Object.keys(completion).map((name) => `#${name} = :${name}`);
    const values = Object.entries(completion).map(([name, value]) => [`:${name}`, value]);
    return this.#update(org, id, {
      // A blob without an expiry is kept, so the TTL of its upload is removed.
      UpdateExpression: `SET #state = :ready, ${set.join(', ')}${ttl === undefined ? ' REMOVE #uploadId, #ttl' : ', #ttl = :ttl REMOVE #uploadId'}`,
      ConditionExpression: '#state = :uploading AND #mac = :before',
      names: ['state', 'uploadId', 'ttl', ...Object.keys(completion)],
      values: {
        ':ready': 'ready',
        ':uploading': 'uploading',
        ':before': before,
        ...Object.fromEntries(values),
        ':ttl': ttl,
      },
    });
  }

  replaceLocator(
    { org, id, mac: before }: AuthenticatedBlob,
    { locator, mac }: { readonly locator: string; readonly mac: string },
  ): Promise<boolean> {
    return this.#update(org, id, {
      UpdateExpression: 'SET #locator = :locator, #mac = :mac',
      // The MAC covers the locator that was read. Two replacements at the same time cannot mix.
      ConditionExpression: '#state = :ready AND #mac = :before',
      names: ['locator', 'mac', 'state'],
      values: { ':locator': locator, ':mac': mac, ':ready': 'ready', ':before': before },
    });
  }

  markDeleted(org: string, id: string, ttl: number): Promise<boolean> {
    return this.#update(org, id, {
      UpdateExpression: 'SET #state = :deleted, #ttl = :ttl',
      ConditionExpression: '#state IN (:uploading, :ready)',
      names: ['state', 'ttl'],
      values: { ':deleted': 'deleted', ':uploading': 'uploading', ':ready': 'ready', ':ttl': ttl },
    });
  }

  #update(org: string, id: string, change: BlobUpdate): Promise<boolean> {
    const input: UpdateItemInput = toUpdateInput(this.#table, org, id, change);
    return writeConditionally(() => this.#clientOf(org).updateItem(input), writeOutcomeUnknownDetail);
  }
}

/** The same records and the keyrings, for requests with a link and without an API key. */
export class DynamoShareLinks implements LinkStore {
  readonly #clientOf: ClientOf;
  readonly #tables: { readonly blobs: string; readonly keyrings: string };

  constructor(clientOf: ClientOf, tables: { readonly blobs: string; readonly keyrings: string }) {
    this.#clientOf = clientOf;
    this.#tables = tables;
  }

  async read(org: string, id: string): Promise<LinkRecords> {
    const { blobs, keyrings } = this.#tables;
    const found = await batchGet(this.#clientOf(org), {
      [keyrings]: { Keys: [toItem({ org })], ConsistentRead: true },
      [blobs]: { Keys: [toItem({ org, id })], ConsistentRead: true },
    });
    const [keyring] = found.get(keyrings) ?? [];
    const [blob] = found.get(blobs) ?? [];
    return {
      keyring: keyring === undefined ? undefined : unmarshallKeyring(keyring),
      blob: blob === undefined ? undefined : (parseListedBlob(blob) ?? { malformed: true, locator: blob.locator?.S }),
    };
  }

  async recordOpening(
    { org, id, locator }: LinkId,
    { opening, openedAt }: LinkOpening,
    ttl: number | undefined,
  ): Promise<StoredBlob | undefined> {
    const input: UpdateItemInput = {
      ...toUpdateInput(this.#tables.blobs, org, id, {
        UpdateExpression: `SET #openings = #openings + :one, #opening = :opening, #openedAt = :openedAt${ttl === undefined ? '' : ', #ttl = :ttl'}`,
        // The last condition prevents a retry of the client from counting the opening twice.
        ConditionExpression:
          '#state = :ready AND #locator = :locator AND (attribute_not_exists(#maxOpens) OR #openings < #maxOpens) ' +
          'AND (attribute_not_exists(#opening) OR #opening <> :opening)',
        names: [
          'openings',
          'opening',
          'openedAt',
          'state',
          'locator',
          'maxOpens',
          ...(ttl === undefined ? [] : ['ttl']),
        ],
        values: {
          ':one': 1,
          ':opening': opening,
          ':openedAt': openedAt,
          ':ready': 'ready',
          ':locator': locator,
          ':ttl': ttl,
        },
      }),
    };
    const item = await updateAndReturn(this.#clientOf(org), input, 'The opening may or may not have been counted.');
    return item === undefined ? undefined : parseStoredBlob(item);
  }

  markBurned({ org, id, locator }: LinkId, ttl: number): Promise<boolean> {
    const input: UpdateItemInput = toUpdateInput(this.#tables.blobs, org, id, {
      UpdateExpression: 'SET #state = :burned, #ttl = :ttl',
      ConditionExpression: '#state = :ready AND #locator = :locator',
      names: ['state', 'ttl', 'locator'],
      values: { ':burned': 'burned', ':ttl': ttl, ':ready': 'ready', ':locator': locator },
    });
    return writeConditionally(() => this.#clientOf(org).updateItem(input), writeOutcomeUnknownDetail);
  }

  async setTtl(org: string, id: string, ttl: number): Promise<void> {
    const input: UpdateItemInput = toUpdateInput(this.#tables.blobs, org, id, {
      UpdateExpression: 'SET #ttl = :ttl',
      // Otherwise the update would re-create a record that a shredding has deleted.
      ConditionExpression: 'attribute_exists(#id)',
      names: ['ttl', 'id'],
      values: { ':ttl': ttl },
    });
    await writeConditionally(() => this.#clientOf(org).updateItem(input), writeOutcomeUnknownDetail);
  }
}

/** Deletes the same records, including those that cannot be parsed. */
export class DynamoBlobPurger implements BlobRecordPurger {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async list(org: string, before: string | undefined, limit: number): Promise<Page<PurgeableBlob>> {
    const { items, more } = await queryPage(this.#clientOf(org), newestFirstQuery(this.#table, org, before), limit);
    return { items: items.map(toPurgeableBlob), more };
  }

  async remove(org: string, id: string): Promise<void> {
    await removeRecord(this.#clientOf(org), this.#table, { org, id });
  }
}
