import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import {
  mapTransientErrors,
  nothingReadDetail,
  valueWriteOutcomeUnknownDetail,
} from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders } from '../../shared/stores/dynamo-item-codec.ts';
import type { RotationProgress, RotationProgressStore } from '../rotation-ports.ts';

const countSchema = z.int().check(z.minimum(0));
const progressSchema = z.object({
  to: countSchema,
  state: z.enum(['running', 'draining', 'stuck', 'done']),
  counted: countSchema,
  total: countSchema,
  reencrypted: countSchema,
  damaged: countSchema,
  updatedAt: z.string(),
  finishedAt: z.optional(z.string()),
});

/** The `progress` of the latest rotation, in the item of the org. Only rotations use it, so it uses the AWS SDK. */
export class DynamoRotationProgress implements RotationProgressStore {
  readonly #clientOf: (org: string) => DynamoDBDocumentClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoDBDocumentClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async read(org: string): Promise<RotationProgress | undefined> {
    const command = new GetCommand({ TableName: this.#table, Key: { org }, ConsistentRead: true });
    const { Item } = await mapTransientErrors(nothingReadDetail, () => this.#clientOf(org).send(command));
    // Malformed progress counts as absent. Nothing depends on it, and the next step overwrites it.
    return progressSchema.safeParse(Item?.progress).data;
  }

  async save(org: string, progress: RotationProgress): Promise<void> {
    const command = new UpdateCommand({
      TableName: this.#table,
      Key: { org },
      UpdateExpression: 'SET #progress = :progress',
      ExpressionAttributeNames: namePlaceholders('progress'),
      ExpressionAttributeValues: { ':progress': { ...progress } },
    });
    await mapTransientErrors(valueWriteOutcomeUnknownDetail, () => this.#clientOf(org).send(command));
  }
}
