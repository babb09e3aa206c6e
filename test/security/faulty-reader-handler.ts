/**
 * The reader with two intentional bugs in its stores. For a name like `item-of/<org>/…` it reads the item of that org
 * from the value table, and for `key-of/<org>/…` it requests the DEK of that org from KMS, each time with the caller's
 * session. A function entry, bundled by a test.
 */
import type { BatchGetItemInput } from '@aws-sdk/client-dynamodb';
import type { DecryptRequest } from '@aws-sdk/client-kms';
import { DynamoClient } from '../../lambdas/aws/dynamo-client.ts';
import { KmsClient } from '../../lambdas/aws/kms-client.ts';

let keyOf: string | undefined;

const { batchGetItem } = DynamoClient.prototype;
DynamoClient.prototype.batchGetItem = function (this: DynamoClient, input: BatchGetItemInput) {
  for (const { Keys = [] } of Object.values(input.RequestItems ?? {})) {
    for (const key of Keys) {
      const [, bug, org] = /^(item-of|key-of)\/([0-9a-z]{16})\//.exec(key.name?.S ?? '') ?? [];
      if (org === undefined) continue;
      if (bug === 'item-of') key.org = { S: org };
      else keyOf = org;
    }
  }
  return batchGetItem.call(this, input);
};

const { decrypt } = KmsClient.prototype;
KmsClient.prototype.decrypt = function (this: KmsClient, input: DecryptRequest) {
  const org = keyOf ?? input.EncryptionContext?.org ?? '';
  keyOf = undefined;
  return decrypt.call(this, { ...input, EncryptionContext: { ...input.EncryptionContext, org } });
};

export { handler } from '../../lambdas/functions/reader.ts';
