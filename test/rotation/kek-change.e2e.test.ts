/** The change of DEKs from one KEK to another, with a KMS that checks the encryption context and the key. */
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { KmsClient } from '../../lambdas/aws/kms-client.ts';
import { KmsKek } from '../../lambdas/org-keys/stores/kms-kek.ts';
import { KmsKekRewrapper } from '../../lambdas/org-keys/stores/kms-kek-rewrapper.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { serviceOptions } from '../shared/service-options.ts';

const stack = useLocalStack();
const org = '0123456789abcdef';

test('a DEK wrapped anew opens under the new KEK alone, for its own org and version alone', async () => {
  const client = new KMSClient({
    endpoint: stack.vault.endpoints.kms,
    region: stack.vault.operator.region,
    credentials: stack.vault.credentials,
  });
  const newKey = async () => (await client.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? expect.fail();
  const [old, next] = [await newKey(), await newKey()];
  const { endpoints, operator, credentials } = stack.vault;
  const requestClient = new KmsClient(serviceOptions(endpoints.kms, operator.region, credentials));
  const kekOf = (ids: string) => new KmsKek(() => requestClient, ids);
  const rewrapperOf = (ids: string) => new KmsKekRewrapper(() => client, ids);
  const wrapped = await kekOf(old).generate(org, 1);
  const secret = await kekOf(old).unwrap(org, 1, wrapped);
  expect(secret).toHaveLength(32);

  expect(await errorCodeOf(kekOf(next).unwrap(org, 1, wrapped))).toBe('decryption_failed');
  expect(await kekOf(`${next},${old}`).unwrap(org, 1, wrapped)).toEqual(secret);
  const again = await rewrapperOf(`${next},${old}`).rewrap(org, 1, wrapped);
  expect(await kekOf(next).unwrap(org, 1, again)).toEqual(secret);
  expect(await errorCodeOf(kekOf(old).unwrap(org, 1, again))).toBe('decryption_failed');
  expect(await errorCodeOf(kekOf(next).unwrap(org, 2, again))).toBe('decryption_failed');
  expect(await errorCodeOf(kekOf(next).unwrap('fedcba9876543210', 1, again))).toBe('decryption_failed');

  // A key that is neither the current nor the previous KEK, although KMS would decrypt with it.
  const other = await kekOf(await newKey()).generate(org, 1);
  expect(await errorCodeOf(kekOf(`${next},${old}`).unwrap(org, 1, other))).toBe('decryption_failed');
  expect(await errorCodeOf(rewrapperOf(`${next},${old}`).rewrap(org, 1, other))).toBe('decryption_failed');
  expect(await errorCodeOf(rewrapperOf(`${next},${old}`).rewrap(org, 2, wrapped))).toBe('decryption_failed');
});
