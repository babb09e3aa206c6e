import type { GetItemInput, QueryInput } from '@aws-sdk/client-dynamodb';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import type { Page } from '../ports.ts';
import { mapTransientErrors, nothingReadDetail } from './aws-error-mapping.ts';
import { type Item, namePlaceholders, toItem } from './dynamo-item-codec.ts';

/**
 * Maximum number of queries per page. DynamoDB ends a page at 1 MiB of stored data, regardless of the projection, so
 * one page may need several queries.
 */
const maxQueriesPerPage = 8;

/** Up to `limit` items of a query, strongly consistent. A page may contain fewer items although `more` is true. */
export async function queryPage(client: DynamoClient, query: QueryInput, limit: number): Promise<Page<Item>> {
  const items: Item[] = [];
  let start = query.ExclusiveStartKey;
  for (let round = 0; round < maxQueriesPerPage; round++) {
    const input = { ...query, ConsistentRead: true, Limit: limit - items.length, ExclusiveStartKey: start };
    const { Items = [], LastEvaluatedKey } = await mapTransientErrors(nothingReadDetail, () => client.query(input));
    items.push(...Items);
    start = LastEvaluatedKey;
    if (start === undefined || items.length >= limit) break;
  }
  return { items, more: start !== undefined };
}

/**
 * One item by its full key, strongly consistent; undefined if it does not exist.
 * @param options further GetItem input, such as a projection
 */
export async function getItem(
  client: DynamoClient,
  table: string,
  key: Readonly<Record<string, string>>,
  options: Omit<GetItemInput, 'TableName' | 'Key' | 'ConsistentRead'> = {},
): Promise<Item | undefined> {
  const input: GetItemInput = { TableName: table, Key: toItem(key), ConsistentRead: true, ...options };
  return (await mapTransientErrors(nothingReadDetail, () => client.getItem(input))).Item;
}

/**
 * Query input for the items of an org whose `id` begins with a prefix.
 * @param after the query begins behind the prefix and this text. An empty one leaves out an item whose id is the prefix:
 *   it is none of the vault, and no cursor can name it
 */
export const idPrefixQuery = (table: string, org: string, prefix: string, after?: string) => ({
  TableName: table,
  KeyConditionExpression: '#org = :org AND begins_with(#id, :prefix)',
  ExpressionAttributeNames: namePlaceholders('org', 'id'),
  ExpressionAttributeValues: toItem({ ':org': org, ':prefix': prefix }),
  ...(after === undefined ? {} : { ExclusiveStartKey: toItem({ org, id: prefix + after }) }),
});
