/** Keys of the items of the table `directory` (docs/session-service.md, section 10), and its plain reads and writes. */
import type { UpdateItemInput } from '@aws-sdk/client-dynamodb';
import { DecryptionError } from '../../../core/decryption-error.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { mapTransientErrors, writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import {
  type Fields,
  type Item,
  namePlaceholders,
  toItem,
  unmarshallItem,
} from '../../shared/stores/dynamo-item-codec.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { LeavesKind } from '../directory-ports.ts';

export type ClientOf = (org: string) => DynamoClient;

const digits = (value: number, length: number): string => String(value).padStart(length, '0');
/** A u32 in hexadecimal, so that the order of the keys is that of the numbers. */
const hex32 = (value: number): string => value.toString(16).padStart(8, '0');

export const entryId = (seq: number): string => `entry/${digits(seq, 12)}`;
export const snapshotId = 'snapshot';
export const purgedId = 'purged';
export const partId = (kind: LeavesKind, seq: number, part: number): string =>
  `${kind}/${digits(seq, 12)}/${digits(part, 4)}`;
export const checkpointId = (seq: number): string => `checkpoint/${digits(seq, 12)}`;
export const inviteId = (invite: string): string => `invite/${invite}`;
export const bundleId = (device: string): string => `bundle/${device}`;
export const prekeyPrefix = (device: string): string => `prekey/${device}`;
export const prekeyId = (device: string, id: number): string => `${prekeyPrefix(device)}/${hex32(id)}`;
export const claimId = (device: string, claimant: string, window: number): string =>
  `claim/${device}/${claimant}/${window}`;
export const conversationId = (conversation: string): string => `conversation/${conversation}`;
export const participationPrefix = (participant: string): string => `participant/${participant}`;
export const participationId = (participant: string, conversation: string): string =>
  `${participationPrefix(participant)}/${conversation}`;

/** The last part of the id of an item. */
export const lastPart = ({ id }: Item): string => (id?.S ?? '').split('/').at(-1) ?? '';

/** Typed fields of a stored item. Each throws a DecryptionError for another type. */
export class ItemFields {
  readonly #fields: Fields;

  constructor(item: Item) {
    this.#fields = unmarshallItem(item);
  }

  text(name: string): string {
    const value = this.#fields[name];
    if (typeof value !== 'string') throw new DecryptionError();
    return value;
  }

  /** A number from 0 on: no field of the directory has another one. */
  number(name: string): number {
    const value = this.#fields[name];
    if (!Number.isSafeInteger(value) || Number(value) < 0) throw new DecryptionError();
    return Number(value);
  }

  bytes(name: string): Uint8Array {
    const value = this.optionalBytes(name);
    if (value === undefined) throw new DecryptionError();
    return value;
  }

  optionalBytes(name: string): Uint8Array | undefined {
    const value = this.#fields[name];
    return value instanceof Uint8Array ? value : undefined;
  }

  any(name: string): unknown {
    return this.#fields[name];
  }
}

/** Puts an item whatever is there. */
export const putItem = async (client: DynamoClient, table: string, fields: Fields): Promise<void> => {
  await mapTransientErrors(writeOutcomeUnknownDetail, () => client.putItem({ TableName: table, Item: toItem(fields) }));
};

/** Puts an item if none is there. Returns false and changes nothing otherwise. */
export const putNewItem = (client: DynamoClient, table: string, fields: Fields): Promise<boolean> =>
  writeConditionally(
    () =>
      client.putItem({
        TableName: table,
        Item: toItem(fields),
        ConditionExpression: 'attribute_not_exists(#id)',
        ExpressionAttributeNames: namePlaceholders('id'),
      }),
    writeOutcomeUnknownDetail,
  );

/** Updates an item on a condition. Returns false and changes nothing if it fails. */
export const updateItem = (client: DynamoClient, input: UpdateItemInput): Promise<boolean> =>
  writeConditionally(() => client.updateItem(input), writeOutcomeUnknownDetail);

/** Deletes an item and returns it. */
export const takeItem = async (client: DynamoClient, table: string, org: string, id: string) => {
  const input = { TableName: table, Key: toItem({ org, id }), ReturnValues: 'ALL_OLD' as const };
  const { Attributes } = await mapTransientErrors(writeOutcomeUnknownDetail, () => client.deleteItem(input));
  return Attributes;
};
