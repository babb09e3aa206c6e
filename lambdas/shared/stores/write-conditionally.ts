import type { UpdateItemInput } from '@aws-sdk/client-dynamodb';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { mapTransientErrors, valueWriteOutcomeUnknownDetail, writeOutcomeUnknownDetail } from './aws-error-mapping.ts';
import { type Item, namePlaceholders, toItem } from './dynamo-item-codec.ts';

/** Whether DynamoDB refused a write because its condition failed. */
export const isConditionFailure = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ConditionalCheckFailedException';

/** Whether DynamoDB refused a write because an attribute that it computes with has another type, or is too large. */
export const isTypeMismatch = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ValidationException';

/**
 * Runs a conditional write. Returns false if the condition failed; then this call changed nothing.
 * @throws VaultError `unavailable` with the given detail
 */
export async function writeConditionally(
  write: () => Promise<unknown>,
  detail = valueWriteOutcomeUnknownDetail,
): Promise<boolean> {
  try {
    await mapTransientErrors(detail, write);
    return true;
  } catch (error) {
    if (isConditionFailure(error)) return false;
    throw error;
  }
}

/**
 * Updates an item and returns it; undefined if the condition failed. Then this call changed nothing. With `ReturnValues`
 * `UPDATED_NEW`, it returns the attributes that the update names: policies that limit attributes permit no more.
 * @throws VaultError `unavailable` with the given detail
 */
export async function updateAndReturn(
  client: DynamoClient,
  input: UpdateItemInput,
  detail = writeOutcomeUnknownDetail,
): Promise<Item | undefined> {
  try {
    const returning: UpdateItemInput = { ReturnValues: 'ALL_NEW', ...input };
    return (await mapTransientErrors(detail, () => client.updateItem(returning))).Attributes;
  } catch (error) {
    if (isConditionFailure(error)) return undefined;
    throw error;
  }
}

/** As {@link updateAndReturn}. Also undefined if an attribute that is counted is no number, because somebody altered it. */
export async function countAndReturn(client: DynamoClient, input: UpdateItemInput): Promise<Item | undefined> {
  try {
    return await updateAndReturn(client, input);
  } catch (error) {
    if (isTypeMismatch(error)) return undefined;
    throw error;
  }
}

/**
 * Sets only missing attributes, in one write, and returns the resulting item. A retry therefore changes nothing.
 * @param fields without `undefined`
 */
export async function setIfAbsent(
  client: DynamoClient,
  place: Pick<UpdateItemInput, 'TableName' | 'Key' | 'ReturnValues'>,
  fields: Readonly<Record<string, unknown>>,
  detail = writeOutcomeUnknownDetail,
): Promise<Item> {
  const names = Object.keys(fields);
  const input: UpdateItemInput = {
    ...place,
    UpdateExpression: `SET ${names.map((name) => `#${name} = if_not_exists(#${name}, :${name})`).join(', ')}`,
    ExpressionAttributeNames: namePlaceholders(...names),
    ExpressionAttributeValues: toItem(Object.fromEntries(names.map((name) => [`:${name}`, fields[name]]))),
  };
  return (await updateAndReturn(client, input, detail)) ?? {};
}
