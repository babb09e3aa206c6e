/**
 * What a service needs at least with the AWS SDK: the calls of the vault's handler for the same request, without
 * encryption, authentication, validation and logs.
 */
import {
  BatchGetItemCommand,
  type BatchGetItemCommandInput,
  DynamoDBClient,
  GetItemCommand,
  type GetItemCommandInput,
  PutItemCommand,
  type PutItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { type BenchEvent, forward, plainResponse, recordedCalls } from './plain-response.ts';

const client = new DynamoDBClient({});
const calls = recordedCalls();

export async function handler(event: BenchEvent) {
  const request: unknown = event.body === undefined ? undefined : JSON.parse(event.body);
  let output: unknown;
  for (const { action, input } of calls) {
    if (action === 'PutItem') await client.send(new PutItemCommand(input as PutItemCommandInput));
    else if (action === 'GetItem') await client.send(new GetItemCommand(input as GetItemCommandInput));
    else output = (await client.send(new BatchGetItemCommand(input as BatchGetItemCommandInput))).Responses;
  }
  return plainResponse(event, (await forward(request)) ?? request ?? output);
}
