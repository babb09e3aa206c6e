/**
 * Capacity units of DynamoDB, computed from the stored items by its documented rules: an item has the bytes of its
 * attribute names and values; a write costs one unit per started KiB of the larger of the old and the new item, a
 * strongly consistent read one unit per started 4 KiB of the item, and a query one per started 4 KiB of all its items.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
import { expect, test } from 'vitest';
import { type Item, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack({ functionConcurrency: 1 });

/** A number has one byte per two significant digits, and one more. */
const numberBytes = (digits: string) => Math.ceil(digits.replace(/^-?0*|\.|0*$/g, '').length / 2) + 1;

const sizeOf = (item: Item): number =>
  Object.entries(item).reduce((sum, [name, { S, N, B }]) => {
    const value = S === undefined ? (N === undefined ? (B?.length ?? expect.fail(name)) : numberBytes(N)) : S.length;
    return sum + name.length + value;
  }, 0);

const itemsOf = async (start: string) =>
  (await stack.allItems(stack.table('ValuesTable'))).filter(({ name }) => name?.S?.includes(start));
const readUnits = (bytes: number) => Math.ceil(bytes / 4096);
const writeUnits = (bytes: number) => Math.ceil(bytes / 1024);

test.each([
  [36, 1, 2],
  [450, 1, 2],
  [1024, 1, 4],
])(
  'a value of %i bytes with ten versions costs %i read unit to get and %i write units to set',
  async (bytes, read, written) => {
    const name = `prod/service/k-${bytes}`.padEnd(20, 'x');
    for (let n = 0; n < 12; n++) await stack.client.vault.set(name, 'v'.repeat(bytes));
    const reads: number[] = [];
    stack.vault.setHooks({
      before: (call) => {
        const requested = Object(call.input).RequestItems?.[stack.table('ValuesTable')];
        if (requested !== undefined) reads.push(requested.Keys.length);
      },
    });
    await stack.client.vault.get(name);
    stack.vault.setHooks();
    expect(reads).toEqual([1]);
    const items = await itemsOf(name);
    expect(items).toHaveLength(10);
    const current = items.find((item) => item.name?.S === name) ?? expect.fail();
    expect(readUnits(sizeOf(current))).toBe(read);
    // A set writes the current item and one slot, whose old content is one of the other items.
    const slots = items.filter((item) => item !== current);
    expect(writeUnits(sizeOf(current)) + writeUnits(Math.max(...slots.map(sizeOf)))).toBe(written);
  },
);

test('a list of 100 small values costs 11 read units, however many versions they have', async () => {
  const { vault } = stack.client;
  const names = Array.from({ length: 100 }, (_, n) => `list/service/k-${n}`.padEnd(20, 'x'));
  for (let n = 0; n < 3; n++) await vault.setMany(names.map((name) => ({ name, value: 'v'.repeat(36) })));
  const items = (await itemsOf('list/service')).filter((item) => !item.name?.S?.startsWith('#'));
  expect(items).toHaveLength(100);
  expect(readUnits(items.reduce((sum, item) => sum + sizeOf(item), 0))).toBe(11);
  let queries = 0;
  stack.vault.setHooks({
    before: (call) => {
      if (call.action === 'Query') queries++;
    },
  });
  const names100 = (await vault.list({ prefix: 'list/', pageSize: 101 }).toArray()).map(({ name }) => name);
  stack.vault.setHooks();
  expect(names100).toEqual(names.toSorted());
  expect(queries).toBe(1);
  // A list without prefix does not meet the slots either.
  const all = (await vault.list({ pageSize: 1000 }).toArray()).map(({ name }) => name);
  expect(all.filter((name) => name.startsWith('#'))).toEqual([]);
});
