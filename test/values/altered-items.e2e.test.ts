/** Random changes of stored items of values: an attacker who can write the table, but has no key. */
import { randomInt } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import { type Item, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();

const rounds = 300;
const attributes = ['life', 'version', 'writeId', 'value', 'info', 'hints', 'ttl', 'extra'];
const oddValues: AttributeValue[] = [
  { S: '' },
  { S: 'x' },
  { S: 'enc:v1:' },
  { S: 'zzzzzzzzzzzzzzzzzzzzzzzzzz' },
  { N: '0' },
  { N: '-1' },
  { N: '2' },
  { N: '9007199254740993' },
  { N: '1e100' },
  { BOOL: true },
  { NULL: true },
  { L: [{ S: 'x' }] },
  { M: { a: { N: '1e100' } } },
  { B: new Uint8Array([1, 2, 3]) },
];
const pick = <T>(all: readonly T[]): T => all[randomInt(all.length)] ?? expect.fail();

/** Another item, or other attributes, under the key of one of the org's items. */
function mutate(target: Item, pool: readonly Item[]): Item {
  const { org, name } = target as { org: AttributeValue; name: AttributeValue };
  const attribute = pick(attributes);
  const source = pick(pool);
  switch (randomInt(5)) {
    case 0:
      return { ...target, [attribute]: pick(oddValues) };
    case 1:
      return Object.fromEntries(Object.entries(target).filter(([field]) => field !== attribute)) as Item;
    case 2:
      return { ...target, [attribute]: source[attribute] ?? pick(oddValues) };
    case 3:
      return { ...source, org, name };
    default:
      return { ...target, value: source.value ?? { S: 'x' }, info: source.info ?? { S: 'x' } };
  }
}

// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one scenario with its checks
test(`no change of a stored item among ${rounds} gives altered plaintext, a server error, or a list that fails`, async () => {
  const table = stack.table('ValuesTable');
  const other = await stack.newOrg();
  for (const [org, key] of [
    [stack.vault.org, stack.vault.agentKey],
    [other.org, other.agentKey],
  ] as const) {
    const { vault } = stack.clientOf(key);
    for (const name of ['a', 'b']) {
      for (let n = 1; n <= 4; n++) await vault.set(name, `${org} ${name} ${n}`, { metadata: { n: `${n}` } });
    }
    await vault.delete('b');
    await vault.set('b', `${org} b again`);
    await vault.set('b', `${org} b again 2`);
  }
  const written = new Map([
    ['a', [1, 2, 3, 4].map((n) => `${stack.vault.org} a ${n}`)],
    ['b', [`${stack.vault.org} b again`, `${stack.vault.org} b again 2`]],
  ]);
  const pool = await stack.allItems(table);
  const mine = pool.filter(({ org }) => org?.S === stack.vault.org);
  const restore = async () => {
    for (const item of mine) await stack.putItem(table, item);
  };

  const key = stack.vault.agentKey;
  const ask = async (method: string, path: string, body?: unknown) => {
    const answer = await stack.http(method, path, { key, ...(body === undefined ? {} : { body }) });
    expect(answer.status, `${method} ${path}`).toBeLessThan(500);
    return { status: answer.status, json: await answer.json() };
  };

  let refusals = 0;
  const checkGet = async (name: string, version: string, what: string) => {
    const { status, json } = await ask('GET', `/v1/vault/values/${name}${version}`);
    if (status !== 200) {
      if (json.code === 'decryption_failed') refusals++;
      expect(['decryption_failed', 'value_not_found', 'version_not_found'], what).toContain(json.code);
      return;
    }
    // Whatever opens is what was written for this name as this version.
    expect(json.value, what).toBe(written.get(name)?.[json.version - 1]);
    if (version !== '') expect(`?version=${json.version}`, what).toBe(version);
  };
  const checkVersions = async (name: string, what: string) => {
    const { status, json } = await ask('GET', `/v1/vault/versions/${name}`);
    expect([200, 422], what).toContain(status);
    const numbers = (json.versions ?? []).map((kept: { version: number }) => kept.version);
    expect(new Set(numbers).size, what).toBe(numbers.length);
  };
  const checkLists = async (what: string) => {
    const list = await ask('GET', '/v1/vault/values');
    expect(list.status, what).toBe(200);
    const names = list.json.values.map((listed: { name: string }) => listed.name);
    expect([...names, ...(list.json.damaged ?? [])].sort(), what).toEqual(['a', 'b']);
    expect((await ask('POST', '/v1/vault/batch-get', { names: ['a', 'b'] })).status, what).toBe(200);
  };
  /** The name can be set, read and deleted, whatever its items hold. */
  const checkRepair = async (name: string, what: string) => {
    expect((await ask('PUT', `/v1/vault/values/${name}`, { value: 'repaired' })).status, what).toBe(200);
    expect((await ask('GET', `/v1/vault/values/${name}`)).json.value, what).toBe('repaired');
    expect((await ask('DELETE', `/v1/vault/values/${name}`)).json, what).toEqual({ deleted: true });
    const left = (await stack.allItems(table)).filter(
      ({ org, name: key }) => org?.S === stack.vault.org && key?.S?.includes(name),
    );
    expect(left, what).toEqual([]);
  };
  for (let round = 0; round < rounds; round++) {
    const changed = mutate(pick(mine), pool);
    await stack.putItem(table, changed);
    const what = JSON.stringify(changed);
    for (const name of ['a', 'b']) {
      for (const version of ['', '?version=1', '?version=2', '?version=3']) await checkGet(name, version, what);
      await checkVersions(name, what);
    }
    await checkLists(what);
    if (round % 4 === 0) await checkRepair(changed.name?.S?.includes('b') ? 'b' : 'a', what);
    await restore();
  }
  // About 1.2 refusals a round are expected. Fewer mean that the changes do not reach the decryption.
  expect(refusals).toBeGreaterThan(rounds * 0.75);
}, 400_000);
