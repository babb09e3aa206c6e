import { sessionLimits } from '../../../contract/sessions/limits.ts';
import { writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem, idPrefixQuery, queryPage } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { PrekeyStore, StoredBundle } from '../directory-ports.ts';
import {
  bundleId,
  type ClientOf,
  claimId,
  ItemFields,
  lastPart,
  prekeyId,
  prekeyPrefix,
  putItem,
  takeItem,
  updateItem,
} from './directory-items.ts';

/** Bundles and one-time prekeys, one item each, and the counts of claims. */
export class DynamoPrekeys implements PrekeyStore {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async get(org: string, device: string): Promise<StoredBundle | undefined> {
    const item = await getItem(this.#clientOf(org), this.#table, { org, id: bundleId(device) });
    if (item === undefined) return undefined;
    const fields = new ItemFields(item);
    return {
      seq: fields.number('seq'),
      bundle: fields.bytes('bundle'),
      highestId: fields.number('highestId'),
      certificate: fields.optionalBytes('certificate'),
    };
  }

  replace(org: string, device: string, bundle: StoredBundle, before: StoredBundle | undefined): Promise<boolean> {
    const isUnchanged = '#seq = :seq AND #highestId = :highestId';
    return writeConditionally(
      () =>
        this.#clientOf(org).putItem({
          TableName: this.#table,
          Item: toItem({ org, id: bundleId(device), ...bundle }),
          ...(before === undefined
            ? { ConditionExpression: 'attribute_not_exists(#id)', ExpressionAttributeNames: namePlaceholders('id') }
            : {
                ConditionExpression: isUnchanged,
                ExpressionAttributeNames: namePlaceholders('seq', 'highestId'),
                ExpressionAttributeValues: toItem({ ':seq': before.seq, ':highestId': before.highestId }),
              }),
        }),
      writeOutcomeUnknownDetail,
    );
  }

  async list(org: string, device: string, limit: number): Promise<readonly number[]> {
    const query = { ...idPrefixQuery(this.#table, org, `${prekeyPrefix(device)}/`), ProjectionExpression: '#id' };
    const { items } = await queryPage(this.#clientOf(org), query, limit);
    return items.map((item) => Number.parseInt(lastPart(item), 16));
  }

  put(org: string, device: string, id: number, signed: Uint8Array): Promise<void> {
    return putItem(this.#clientOf(org), this.#table, { org, id: prekeyId(device, id), bytes: signed });
  }

  async take(org: string, device: string, id: number): Promise<Uint8Array | undefined> {
    const item = await takeItem(this.#clientOf(org), this.#table, org, prekeyId(device, id));
    // A damaged one is deleted by now, and no reason to refuse the others.
    return item?.bytes?.B;
  }

  countClaim(org: string, device: string, claimant: string, window: number, limit: number): Promise<boolean> {
    return updateItem(this.#clientOf(org), {
      TableName: this.#table,
      Key: toItem({ org, id: claimId(device, claimant, window) }),
      UpdateExpression: 'SET #ttl = :ttl ADD #claims :one',
      ConditionExpression: 'attribute_not_exists(#id) OR #claims < :limit',
      ExpressionAttributeNames: namePlaceholders('id', 'claims', 'ttl'),
      ExpressionAttributeValues: toItem({
        ':one': 1,
        ':limit': limit,
        ':ttl': (window + 2) * sessionLimits.claimWindowSeconds,
      }),
    });
  }
}
