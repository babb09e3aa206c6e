/**
 * DynamoDB stores numbers that JavaScript cannot represent. The vault writes none, so such an item is damaged. It must
 * cause neither a server error nor a list that fails as a whole.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { DecryptionError } from '../../core/decryption-error.ts';
import { parseListedApiKey, parseStoredApiKey } from '../../lambdas/api-keys/stores/api-key-item-codec.ts';
import { createDocumentClient } from '../../lambdas/aws/document-clients.ts';
import type { DynamoClient } from '../../lambdas/aws/dynamo-client.ts';
import { DynamoDeliveries } from '../../lambdas/conversations/stores/dynamo-deliveries.ts';
import { DynamoRotationProgress } from '../../lambdas/rotation/stores/dynamo-rotation-progress.ts';
import { parseUserRecordOrCorrupt } from '../../lambdas/users/corrupt-user-keyring.ts';
import { DynamoLocators } from '../../lambdas/users/stores/dynamo-locators.ts';
import { DynamoUserKeyrings } from '../../lambdas/users/stores/dynamo-user-keyrings.ts';
import { parseLocatorItem, parseRecordItem } from '../../lambdas/users/stores/user-item-codec.ts';

const [org, user] = ['0123456789abcdef', 'ghjkmnpqrstvwxyz'];
const odd = { org: { S: org }, huge: { M: { n: { N: '1e100' } } } };
/** A client whose table holds this item. */
const clientOf = (item: object) => () => {
  const call = async () => ({ Item: item, Items: [item], Attributes: item });
  return { getItem: call, query: call, updateItem: call } as unknown as DynamoClient;
};

describe('an item with a number that JavaScript cannot represent', () => {
  test('is a damaged API key, also in a list', () => {
    expect(() => parseStoredApiKey(odd)).toThrow(DecryptionError);
    expect(parseListedApiKey({ ...odd, id: { S: user } })).toEqual({ id: user, stored: undefined });
  });

  test('is a record of a user that does not open, under its ID', () => {
    const item = { ...odd, id: { S: `${user}/memory/tea` }, data: { S: 'enc:v1:x' } };
    for (const N of ['1e100', '9007199254740993', '1.5', '1.00000000000000000001', '-1e-120'])
      expect(parseRecordItem({ ...item, version: { N } })).toEqual({
        ...{ collection: 'memory', id: 'tea', version: 0, data: 'enc:v1:x' },
      });
  });

  test('is a damaged user in the list of users, and can be replaced', async () => {
    const keyrings = new DynamoUserKeyrings(clientOf({ ...odd, id: { S: `user/${user}` } }), 'table');
    const { items } = await keyrings.list(org, undefined, 10);
    expect(items.map((item) => item.user)).toEqual([user]);
    for (const record of [items[0]?.record, await keyrings.getRecord({ org, user })])
      expect(parseUserRecordOrCorrupt(record, { org, user }).state).toBe('damaged');
  });

  test('is a locator whose other attributes can be read, but a damaged delivery', async () => {
    expect(parseLocatorItem({ ...odd, user: { S: user } }, 'locator')).toEqual({ locator: 'locator', user });
    // The key of an item is made of it, and DynamoDB refuses a longer one.
    for (const text of ['', 'x', 'x'.repeat(2000)])
      expect(() => parseLocatorItem({ user: { S: text } }, 'locator')).toThrow(DecryptionError);
    const claim = new DynamoDeliveries(clientOf({ ...odd, job: { S: 'job' }, state: { S: 'new' } }), 'table');
    await expect(claim.claim(org, 'twilio/x', 'job', undefined)).rejects.toThrow(DecryptionError);
  });

  test('is no progress of a rotation', async () => {
    // The document client converts the item itself, so it has to receive one.
    const body = JSON.stringify({ Item: { ...odd, progress: { M: { to: { N: '1e100' } } } } });
    const server = createServer((_, response) => response.end(body)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'x');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'x');
    const client = createDocumentClient();
    try {
      expect(await new DynamoRotationProgress(() => client, 'table').read(org)).toBeUndefined();
    } finally {
      vi.unstubAllEnvs();
      client.destroy();
      server.close();
    }
  });

  test('is a count of attempts whose window has passed: a new one begins', async () => {
    const locators = new DynamoLocators(clientOf({ ...odd, tries: { N: '1e100' } }), 'table');
    expect(await locators.countAttempt(org, 'counter', { attempts: 10, windowSeconds: 60 }, new Date())).toBe(0);
  });
});
