/** The DynamoDB operations on items, with the input and output types of the AWS SDK. */
import type {
  BatchGetItemInput,
  BatchGetItemOutput,
  DeleteItemInput,
  DeleteItemOutput,
  GetItemInput,
  GetItemOutput,
  PutItemInput,
  PutItemOutput,
  QueryInput,
  QueryOutput,
  UpdateItemInput,
  UpdateItemOutput,
} from '@aws-sdk/client-dynamodb';
import { decodeDynamoJson, encodeDynamoJson } from './dynamo-json.ts';
import { JsonService } from './json-service.ts';
import type { CallOptions, ServiceOptions } from './signed-service.ts';

/** Source: Amazon DynamoDB API reference, 2012-08-10. Errors are ServiceErrors with the names of that reference. */
export class DynamoClient {
  readonly #service: JsonService;

  constructor(options: ServiceOptions) {
    this.#service = new JsonService(
      { service: 'dynamodb', targetPrefix: 'DynamoDB_20120810', version: '1.0' },
      options,
    );
  }

  getItem(input: GetItemInput): Promise<GetItemOutput> {
    return this.#call('GetItem', input);
  }

  batchGetItem(input: BatchGetItemInput): Promise<BatchGetItemOutput> {
    return this.#call('BatchGetItem', input);
  }

  putItem(input: PutItemInput, options?: CallOptions): Promise<PutItemOutput> {
    return this.#call('PutItem', input, options);
  }

  updateItem(input: UpdateItemInput): Promise<UpdateItemOutput> {
    return this.#call('UpdateItem', input);
  }

  deleteItem(input: DeleteItemInput): Promise<DeleteItemOutput> {
    return this.#call('DeleteItem', input);
  }

  query(input: QueryInput): Promise<QueryOutput> {
    return this.#call('Query', input);
  }

  #call(operation: string, input: object, options?: CallOptions): Promise<object> {
    return this.#service.call(operation, encodeDynamoJson(input), decodeDynamoJson, options);
  }
}
