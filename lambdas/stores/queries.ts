import { type DynamoDBClient, QueryCommand, type QueryCommandInput } from '@aws-sdk/client-dynamodb';
import type { Page } from '../domain/ports.ts';
import { notRead, orUnavailable } from './failures.ts';
import type { Item } from './items.ts';

/** DynamoDB ends a page at 1 MiB of items as they lie, whatever is projected: so one page of ours may take several. */
const queriesPerPage = 8;

/** Up to `limit` items of a query, strongly consistent. A page that is not full yet says `more` if the list goes on. */
export async function queryPage(client: DynamoDBClient, query: QueryCommandInput, limit: number): Promise<Page<Item>> {
  const items: Item[] = [];
  let start = query.ExclusiveStartKey;
  for (let round = 0; round < queriesPerPage; round++) {
    const input = { ...query, ConsistentRead: true, Limit: limit - items.length, ExclusiveStartKey: start };
    const { Items = [], LastEvaluatedKey } = await orUnavailable(notRead, () => client.send(new QueryCommand(input)));
    items.push(...Items);
    start = LastEvaluatedKey;
    if (start === undefined || items.length >= limit) break;
  }
  return { items, more: start !== undefined };
}
