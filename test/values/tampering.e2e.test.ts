/**
 * An attacker who can write the tables but cannot use the KEK can destroy data, but cannot cause other data to be
 * decrypted.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { expectProblem, type Item, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack({ functionConcurrency: 1 });

const valueItem = (name: string, org = stack.vault.org) => stack.getItem(stack.table('ValuesTable'), { org, name });
const putValue = (item: Item) => stack.putItem(stack.table('ValuesTable'), item);
const text = (item: Item, attribute: string): string => item[attribute]?.S ?? expect.fail(`no ${attribute}`);
const get = (name: string, key = stack.vault.agentKey) => stack.http('GET', `/v1/vault/values/${name}`, { key });
const refused = async (answer: Response) => {
  const { detail } = await expectProblem(answer, 'decryption_failed');
  expect(detail).toBeUndefined();
};

describe('stored values', () => {
  test('ciphertext swapped between names does not open', async () => {
    await stack.client.vault.setMany({ 'swap/a': 'a', 'swap/b': 'b' });
    const [a, b] = [await valueItem('swap/a'), await valueItem('swap/b')];
    await putValue({ ...a, value: { S: text(b, 'value') } });
    await refused(await get('swap/a'));
    await putValue({ ...b, name: { S: 'swap/a' } });
    await refused(await get('swap/a'));
    await putValue(a);
    expect(await stack.client.vault.get('swap/a')).toBe('a');
  });

  test('an earlier version in place of the current one does not open', async () => {
    await stack.client.vault.set('old', 'one');
    const first = await valueItem('old');
    await stack.client.vault.set('old', 'two');
    const second = await valueItem('old');
    await putValue({ ...second, value: { S: text(first, 'value') } });
    await refused(await get('old'));
    await putValue({ ...second, value: { S: text(first, 'value') }, info: { S: text(first, 'info') } });
    await refused(await get('old'));
  });

  test('the metadata of an earlier life of a name does not open beside a value of today, nor the reverse', async () => {
    const writeId = 'the-same-write-id-twice';
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    await stack.client.vault.set('lives', 'first life', { writeId });
    const first = await valueItem('lives');
    await stack.client.vault.delete('lives');
    await stack.client.vault.set('lives', 'second life', { writeId, expiresAt });
    const second = await valueItem('lives');
    expect(second.version).toEqual(first.version);
    for (const attribute of ['info', 'value']) {
      await putValue({ ...second, [attribute]: { S: text(first, attribute) } });
      await refused(await get('lives'));
    }
    await putValue({ ...second, life: { S: text(first, 'life') } });
    await refused(await get('lives'));
    await putValue(second);
    expect(await stack.client.vault.get('lives')).toBe('second life');
  });

  test('the metadata of another write does not open beside a value of the same version', async () => {
    await stack.client.vault.set('writes', 'x', { writeId: 'first-write-0123456789' });
    const item = await valueItem('writes');
    await putValue({ ...item, writeId: { S: 'other-write-0123456789' } });
    await refused(await get('writes'));
  });

  test('an item of another org does not open, with or without its keyring', async () => {
    const other = await stack.newOrg();
    await stack.clientOf(other.agentKey).vault.set('shared/name', 'theirs');
    await stack.client.vault.set('shared/name', 'mine');
    const [mine, theirs] = [await valueItem('shared/name'), await valueItem('shared/name', other.org)];
    await putValue({ ...theirs, org: { S: stack.vault.org } });
    await refused(await get('shared/name'));
    const keyrings = stack.table('KeyringsTable');
    const [myRing, theirRing] = [
      await stack.getItem(keyrings, { org: stack.vault.org }),
      await stack.getItem(keyrings, { org: other.org }),
    ];
    await stack.putItem(keyrings, { ...theirRing, org: { S: stack.vault.org } });
    await refused(await get('shared/name'));
    await stack.putItem(keyrings, myRing);
    await putValue(mine);
    expect(await stack.client.vault.get('shared/name')).toBe('mine');
  });

  test('any single flipped bit of a stored value or of its facts is refused', async () => {
    await stack.client.vault.set('bits', 'sk_live_1');
    const item = await valueItem('bits');
    for (const attribute of ['value', 'info']) {
      const bytes = Buffer.from(text(item, attribute), 'latin1');
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = Buffer.from(bytes);
        changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        // A byte that is not ASCII after the flip would be stored differently, so it is skipped.
        if (changed.readUInt8(bit >> 3) > 127) continue;
        await putValue({ ...item, [attribute]: { S: changed.toString('latin1') } });
        await refused(await get('bits'));
      }
    }
  });

  test.each([
    ['version', { N: '-1' }],
    ['version', { N: '1.5' }],
    ['version', { S: '1' }],
    ['value', { S: '' }],
    ['value', { S: 'plaintext' }],
    ['value', { N: '1' }],
    ['info', { S: 'enc:v1:' }],
    ['version', { N: '1e100' }],
    ['life', { S: '' }],
    ['life', { N: '1' }],
    ['writeId', { NULL: true }],
  ])('a value whose %s became %j is refused, and can be replaced and deleted as it is', async (attribute, changed) => {
    const { vault } = stack.client;
    await vault.set('odd/a', 'first');
    await vault.set('odd/a', 'second');
    await vault.set('odd/b', 'x');
    const damage = async () => putValue({ ...(await valueItem('odd/a')), [attribute]: changed as AttributeValue });
    await damage();
    await refused(await get('odd/a'));

    // The others are not affected.
    const batch = await vault.getMany(['odd/a', 'odd/b']);
    expect(batch.get('odd/b').value).toBe('x');
    expect(batch.failed).toMatchObject([{ name: 'odd/a', error: { code: 'decryption_failed' } }]);
    const list = await (await stack.http('GET', '/v1/vault/values?prefix=odd/', { key: stack.vault.agentKey })).json();
    // A list does not read values, so it does not notice that one is damaged.
    const damaged = attribute === 'value' ? [] : ['odd/a'];
    const names = list.values.map(({ name }: { name: string }) => name);
    expect([...names, ...damaged].sort()).toEqual(['odd/a', 'odd/b']);
    expect(list.damaged ?? []).toEqual(damaged);

    // Without metadata that can be decrypted, the version is unknown, so nothing that depends on it is done.
    if (attribute !== 'value') {
      await expect(vault.set('odd/a', 'y', { ifVersion: 2 })).rejects.toMatchObject({ code: 'decryption_failed' });
    }
    await vault.set('odd/a', 'repaired');
    expect(await vault.get('odd/a')).toBe('repaired');
    await damage();
    expect(await vault.delete('odd/a')).toBe(true);
    expect((await stack.allItems(stack.table('ValuesTable'))).filter(({ name }) => name?.S?.includes('odd/a'))).toEqual(
      [],
    );
  });
});

describe('the stored keyring', () => {
  test('any single flipped bit of its record is refused, by a warm function too', async () => {
    await stack.client.vault.set('ring', 'x');
    const table = stack.table('KeyringsTable');
    const item = await stack.getItem(table, { org: stack.vault.org });
    const original = JSON.stringify(item);
    const bytes = Buffer.from(original, 'latin1');
    let refusals = 0;
    for (let bit = 0; bit < bytes.length * 8; bit += 3) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      let record: Item;
      try {
        record = JSON.parse(changed.toString('latin1'));
        if (JSON.stringify(record) === original) continue;
        await stack.putItem(table, record);
      } catch {
        continue; // The result is not a valid DynamoDB item any more.
      }
      // The change created a record of another org, which no request reads.
      if (record.org?.S !== stack.vault.org) continue;
      await refused(await get('ring'));
      refusals++;
    }
    expect(refusals).toBeGreaterThan(300);
    await stack.putItem(table, item);
    expect(await stack.client.vault.get('ring')).toBe('x');
  });
});
