/**
 * The reader with two intentional bugs in its stores. For a name like `item-of/<org>/…` it reads the item of that org
 * from the value table, and for `key-of/<org>/…` it requests the DEK of that org from KMS, each time with the caller's
 * session. A function entry, bundled by a test.
 */
import { type BatchGetItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DecryptCommand, KMSClient } from '@aws-sdk/client-kms';

let keyOf: string | undefined;

const sendToTables = DynamoDBClient.prototype.send;
DynamoDBClient.prototype.send = function (this: DynamoDBClient, ...args: unknown[]) {
  const [command] = args as [BatchGetItemCommand];
  for (const { Keys = [] } of Object.values(command.input.RequestItems ?? {})) {
    for (const key of Keys) {
      const [, bug, org] = /^(item-of|key-of)\/([0-9a-z]{16})\//.exec(key.name?.S ?? '') ?? [];
      if (org === undefined) continue;
      if (bug === 'item-of') key.org = { S: org };
      else keyOf = org;
    }
  }
  return Reflect.apply(sendToTables, this, args);
} as typeof sendToTables;

const sendToKms = KMSClient.prototype.send;
KMSClient.prototype.send = function (this: KMSClient, ...args: unknown[]) {
  const [command] = args;
  // The MAC of the records key has no encryption context.
  if (command instanceof DecryptCommand) {
    if (keyOf !== undefined) command.input.EncryptionContext = { ...command.input.EncryptionContext, org: keyOf };
    keyOf = undefined;
  }
  return Reflect.apply(sendToKms, this, args);
} as typeof sendToKms;

export { handler } from '../../lambdas/functions/reader.ts';
