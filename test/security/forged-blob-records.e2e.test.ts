/** An attacker who can write the blob table, but cannot use KMS, changes the records of blobs. */
import { describe, expect, test } from 'vitest';
import { openBlob } from '../../sdk/src/index.ts';
import { bucketView, linkProof } from '../blobs/blob-requests.ts';
import { pseudoRandomBytes } from '../sdk/blobs/fake-blob-service.ts';
import { expectProblem, type Item, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
const content = pseudoRandomBytes(500);
const table = () => stack.table('BlobRecordsTable');
const without = (item: Item, ...names: string[]): Item =>
  Object.fromEntries(Object.entries(item).filter(([name]) => !names.includes(name)));

const changes: [string, (item: Item) => Item][] = [
  ['a later expiry', (item) => ({ ...item, expiresAt: { S: '2099-01-01T00:00:00.000Z' } })],
  ['no expiry', (item) => without(item, 'expiresAt')],
  ['more openings', (item) => ({ ...item, maxOpens: { N: '1000' } })],
  ['no limit', (item) => without(item, 'maxOpens')],
  ['burn', (item) => ({ ...item, burn: { BOOL: true } })],
  ['another size', (item) => ({ ...item, size: { N: '5' } })],
  ['no MAC', (item) => without(item, 'mac')],
  ['an attribute of another type', (item) => ({ ...item, openings: { S: '0' } })],
];

describe('a record with', () => {
  test.each(changes)(
    '%s is refused for API keys, links and explanations, and is listed as damaged',
    async (_, change) => {
      const { org, agentKey, adminKey } = await stack.newOrg();
      const client = stack.clientOf(agentKey);
      const made = await client.blobs.put(content, { expiresIn: '1h', maxOpens: 1 });
      const intact = await client.blobs.put(content);
      const item = await stack.getItem(table(), { org, id: made.id });
      await stack.putItem(table(), change(item));
      const http = (method: string, path: string, body?: object) =>
        stack.http(method, path, { key: adminKey, ...(body === undefined ? {} : { body }) });
      const opening = { body: { proof: await linkProof(made.url, 'open') } };
      for (const answer of [
        await http('GET', `/v1/blobs/${made.id}`),
        await http('POST', `/v1/blobs/${made.id}/link`, {}),
        await http('GET', `/v1/explain?ref=blob:${made.id}`),
        await stack.http('GET', `/v1/links/${made.link}`),
        await stack.http('POST', `/v1/links/${made.link}/opening`, opening),
      ])
        await expectProblem(answer, 'decryption_failed');
      const wrong = made.link.slice(0, -16) + '0'.repeat(16);
      await expectProblem(await stack.http('GET', `/v1/links/${wrong}`), 'blob_not_found');
      const listed = await (await http('GET', '/v1/blobs')).json();
      expect(listed.damaged).toEqual([made.id]);
      expect(listed.blobs.map(({ id }: { id: string }) => id)).toEqual([intact.id]);
      // Undone, nothing was counted or lost.
      await stack.putItem(table(), item);
      expect(await (await openBlob(made.url)).bytes()).toEqual(content);
    },
  );
});

test('a blob with a damaged record can be deleted, and the answer says that it was damaged', async () => {
  const { org, agentKey, adminKey } = await stack.newOrg();
  const made = await stack.clientOf(agentKey).blobs.put(content);
  const item = await stack.getItem(table(), { org, id: made.id });
  await stack.putItem(table(), { ...item, burn: { S: 'x' } });
  const remove = async () => await (await stack.http('DELETE', `/v1/blobs/${made.id}`, { key: adminKey })).json();
  expect(await remove()).toEqual({ deleted: true, damaged: true });
  expect(await bucketView(stack.vault).keys(org)).toEqual([]);
  expect(await remove()).toEqual({ deleted: false });
  await expect(openBlob(made.url)).rejects.toMatchObject({ code: 'blob_not_found' });
  // Put back, it still has no object.
  await stack.putItem(table(), item);
  await expect(openBlob(made.url)).rejects.toMatchObject({ code: 'decryption_failed' });
});
