/** Random inputs of the operations, in the AWS SDK's types. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';

export const bytes = fc.uint8Array({ maxLength: 40 });
const text = fc.string({ unit: 'binary', maxLength: 12 }).map((all) => all.toWellFormed());
const word = fc.stringMatching(/^[A-Za-z#:_.-][A-Za-z0-9#:_.-]{0,10}$/);
/** Numbers are text in DynamoDB. */
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })).map(String);

const leaf: fc.Arbitrary<AttributeValue> = fc.oneof(
  text.map((S) => ({ S })),
  number.map((N) => ({ N })),
  bytes.map((B) => ({ B })),
  fc.boolean().map((BOOL) => ({ BOOL })),
  fc.constant({ NULL: true }),
  fc.array(text, { minLength: 1, maxLength: 3 }).map((SS) => ({ SS })),
  fc.array(number, { minLength: 1, maxLength: 3 }).map((NS) => ({ NS })),
  fc.array(bytes, { minLength: 1, maxLength: 3 }).map((BS) => ({ BS })),
);

/** Attribute names include the names of types, such as `B`. */
const attributeName = fc.oneof(word, fc.constantFrom('B', 'BS', 'M', 'L', 'S'));

export const attributeValue: fc.Arbitrary<AttributeValue> = fc.letrec<{ value: AttributeValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }).map((L) => ({ L })),
    fc.dictionary(attributeName, tie('value'), { maxKeys: 3, noNullPrototype: true }).map((M) => ({ M })),
  ),
})).value;

export const item = fc.dictionary(attributeName, attributeValue, { maxKeys: 5, noNullPrototype: true });
const names = fc.dictionary(
  word.map((name) => `#${name}`),
  word,
  { maxKeys: 3, noNullPrototype: true },
);
const values = fc.dictionary(
  word.map((name) => `:${name}`),
  attributeValue,
  { maxKeys: 3, noNullPrototype: true },
);
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const expressions = { ExpressionAttributeNames: optional(names), ExpressionAttributeValues: optional(values) };

const keysAndAttributes = fc.record({
  Keys: fc.array(item, { minLength: 1, maxLength: 3 }),
  ConsistentRead: optional(fc.boolean()),
  ProjectionExpression: optional(text),
  ExpressionAttributeNames: optional(names),
});

export const dynamoInputs = {
  getItem: fc.record({
    TableName: word,
    Key: item,
    ConsistentRead: optional(fc.boolean()),
    ProjectionExpression: optional(text),
    ExpressionAttributeNames: optional(names),
  }),
  batchGetItem: fc.record({
    RequestItems: fc.dictionary(word, keysAndAttributes, { maxKeys: 3, noNullPrototype: true }),
  }),
  putItem: fc.record({ TableName: word, Item: item, ConditionExpression: optional(text), ...expressions }),
  updateItem: fc.record({
    TableName: word,
    Key: item,
    UpdateExpression: optional(text),
    ConditionExpression: optional(text),
    ReturnValues: optional(fc.constantFrom('ALL_NEW' as const, 'UPDATED_NEW' as const)),
    ...expressions,
  }),
  deleteItem: fc.record({
    TableName: word,
    Key: item,
    ConditionExpression: optional(text),
    ReturnValues: optional(fc.constant('ALL_OLD' as const)),
    ...expressions,
  }),
  query: fc.record({
    TableName: word,
    IndexName: optional(word),
    Limit: optional(fc.integer({ min: 1, max: 1000 })),
    ConsistentRead: optional(fc.boolean()),
    ScanIndexForward: optional(fc.boolean()),
    Select: optional(fc.constant('COUNT' as const)),
    ExclusiveStartKey: optional(item),
    KeyConditionExpression: optional(text),
    ProjectionExpression: optional(text),
    ...expressions,
  }),
};

/** Outputs of the same operations. */
export const dynamoOutputs = {
  getItem: fc.record({ Item: item }, { requiredKeys: [] }),
  batchGetItem: fc.record(
    {
      Responses: fc.dictionary(word, fc.array(item, { maxLength: 3 }), { maxKeys: 3, noNullPrototype: true }),
      UnprocessedKeys: fc.dictionary(word, keysAndAttributes, { maxKeys: 2, noNullPrototype: true }),
    },
    { requiredKeys: [] },
  ),
  putItem: fc.record({ Attributes: item }, { requiredKeys: [] }),
  updateItem: fc.record({ Attributes: item }, { requiredKeys: [] }),
  deleteItem: fc.record({ Attributes: item }, { requiredKeys: [] }),
  query: fc.record(
    { Items: fc.array(item, { maxLength: 3 }), Count: fc.nat(), ScannedCount: fc.nat(), LastEvaluatedKey: item },
    { requiredKeys: [] },
  ),
};

const context = optional(fc.dictionary(word, text, { maxKeys: 3, noNullPrototype: true }));
const nonEmptyBytes = fc.uint8Array({ minLength: 1, maxLength: 60 });

export const kmsInputs = {
  decrypt: fc.record({ KeyId: optional(word), CiphertextBlob: nonEmptyBytes, EncryptionContext: context }),
  generateDataKey: fc.record({ KeyId: word, KeySpec: fc.constant('AES_256' as const), EncryptionContext: context }),
  generateDataKeyWithoutPlaintext: fc.record({
    KeyId: word,
    KeySpec: fc.constant('AES_256' as const),
    EncryptionContext: context,
  }),
  generateMac: fc.record({ KeyId: word, Message: nonEmptyBytes, MacAlgorithm: fc.constant('HMAC_SHA_256' as const) }),
};

export const kmsOutputs = {
  decrypt: fc.record({ KeyId: word, Plaintext: nonEmptyBytes }, { requiredKeys: [] }),
  generateDataKey: fc.record({ KeyId: word, Plaintext: nonEmptyBytes, CiphertextBlob: nonEmptyBytes }),
  generateDataKeyWithoutPlaintext: fc.record({ KeyId: word, CiphertextBlob: nonEmptyBytes }),
  generateMac: fc.record({ KeyId: word, Mac: nonEmptyBytes }),
};

export const assumeRoleInput = fc.record({
  RoleArn: text,
  RoleSessionName: text,
  DurationSeconds: fc.integer({ min: 900, max: 3600 }),
  Tags: fc.array(fc.record({ Key: text, Value: text }), { minLength: 1, maxLength: 3 }),
});

/** Bucket and keys of objects, with characters that must be encoded. */
export const objectLocation = fc.record({
  Bucket: fc.stringMatching(/^[a-z0-9][a-z0-9-]{1,20}[a-z0-9]$/),
  Key: fc
    .array(fc.stringMatching(/^[A-Za-z0-9 !'()*$&+,;=:@é-]{1,8}$/), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join('/')),
});
