/** Random changes of stored items, also to values that the vault never writes. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import type { Item } from '../../shared/local-stack.ts';
import { keyAttributes, keyNames, keyOf, type Snapshot, type TableId, tableIds } from './tables.ts';
import { isTarget, recordOf } from './targets.ts';
import type { World } from './world.ts';

export interface RandomChange {
  readonly table: TableId;
  readonly stored: Item;
  readonly item: Item;
}

const oddValues: AttributeValue[] = [
  { S: '' },
  { S: 'x' },
  { S: 'enc:v1:' },
  { S: '~~' },
  { S: 'x'.repeat(2_000) },
  { S: '2099-01-01T00:00:00.000Z' },
  { N: '0' },
  { N: '-1' },
  { N: '1.5' },
  { N: '9007199254740991' },
  { N: '9007199254740993' },
  { N: '1.00000000000000000001' },
  { N: '1e100' },
  { BOOL: true },
  { NULL: true },
  { L: [] },
  { L: [{ S: 'x' }, { N: '1e100' }] },
  { M: {} },
  { M: { a: { N: '1e100' } } },
  { B: new Uint8Array([1, 2, 3]) },
  { SS: ['x'] },
  { NS: ['1'] },
];
const anyValue: fc.Arbitrary<AttributeValue> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...oddValues) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }).map((S) => ({ S: S.toWellFormed() })) },
  { weight: 1, arbitrary: fc.integer().map((N) => ({ N: String(N) })) },
);

/** Sets a member at any depth of a map, or removes it. */
const changed = (
  value: AttributeValue,
  name: string,
  path: readonly number[],
  next: AttributeValue | undefined,
): Item => {
  const { [name]: current, ...rest } = value.M ?? {};
  const inner = Object.keys(current?.M ?? {});
  const [step, ...further] = path;
  if (inner.length > 0 && step !== undefined && current !== undefined)
    return { ...rest, [name]: { M: changed(current, inner[step % inner.length] ?? '', further, next) } };
  return next === undefined ? rest : { ...rest, [name]: next };
};

/** DynamoDB refuses an item whose attribute `mark` cannot be a key of the index over it. */
const isStorable = ({ mark }: Item): boolean => mark === undefined || (mark.S ?? '') !== '';

/** A random change of one of the items of a table, or of one of them in particular. */
function changeOf(table: TableId, targets: readonly Item[], all: readonly Item[]): fc.Arbitrary<RandomChange> {
  const attributes = [...new Set(all.flatMap(Object.keys))].filter((name) => !keyNames(table).includes(name));
  const anyItem = fc.constantFrom(...all);
  const attribute = fc.constantFrom(...attributes, 'extra');
  return fc.constantFrom(...targets).chain((stored) => {
    const path = fc.array(fc.nat(9), { maxLength: 2 });
    const set = fc.tuple(attribute, path, fc.option(anyValue, { nil: undefined, freq: 5 }));
    const own = keyAttributes(table, stored);
    const item = fc.oneof(
      set.map(([name, steps, next]) => changed({ M: stored }, name, steps, next)),
      fc.tuple(attribute, anyItem).map(([name, { [name]: next }]) => changed({ M: stored }, name, [], next)),
      anyItem.map((other) => ({ ...other, ...own })),
    );
    return item.filter(isStorable).map((next) => ({ table, stored, item: next }));
  });
}

/** Random changes of that many different items of all tables, and sometimes of the keyring that opens everything. */
export function randomChanges(world: World, baseline: Snapshot, count: number) {
  const ofTable = (table: TableId, isWanted: (item: Item) => boolean) => {
    const all = [...baseline[table].values()];
    const targets = all.filter((item) => isTarget(world, table, item) && isWanted(item));
    return { weight: targets.length, arbitrary: changeOf(table, targets, all) };
  };
  const isMine = ({ org }: Item) => org?.S === world.mine.org;
  const others = tableIds.map((table) => ofTable(table, (item) => table !== 'KeyringsTable' || !isMine(item)));
  const selector = ({ table, stored }: RandomChange) => `${table} ${keyOf(table, stored)}`;
  return fc.record({
    changes: fc.uniqueArray(fc.oneof(...others), { minLength: count, maxLength: count, selector }),
    keyring: fc.option(ofTable('KeyringsTable', isMine).arbitrary, { nil: undefined, freq: 1 }),
  });
}

/** The tables whose items a change of one record concerns. */
const tablesOfRecords = tableIds.filter((table) => table !== 'KeyringsTable' && table !== 'AuditTable');

/** Up to six items of one record, each with up to four attributes that were set to other values or removed. */
export function changesOfOneRecord(world: World, baseline: Snapshot, records: readonly string[]) {
  const itemsOf = (record: string) =>
    tablesOfRecords.flatMap((table) =>
      [...baseline[table].values()]
        .filter((item) => isTarget(world, table, item))
        .filter((item) => recordOf(table, item, baseline) === record || JSON.stringify(item).includes(record))
        .map((stored) => ({ table, stored })),
    );
  const damaged = ({ table, stored }: Omit<RandomChange, 'item'>): fc.Arbitrary<RandomChange> => {
    const names = Object.keys(stored).filter((name) => !keyNames(table).includes(name));
    const path = fc.array(fc.nat(9), { maxLength: 2 });
    const step = fc.tuple(fc.constantFrom(...names, 'extra'), path, fc.option(anyValue, { nil: undefined, freq: 5 }));
    return fc
      .array(step, { minLength: 1, maxLength: 4 })
      .map((steps) => steps.reduce((item, [name, inner, next]) => changed({ M: item }, name, inner, next), stored))
      .filter(isStorable)
      .map((item) => ({ table, stored, item }));
  };
  const withItems = records.map((record) => ({ record, all: itemsOf(record) })).filter(({ all }) => all.length > 0);
  return fc.constantFrom(...withItems).chain(({ record, all }) => {
    const items = fc.shuffledSubarray(all, { minLength: 1, maxLength: Math.min(6, all.length) });
    return fc.record({ record: fc.constant(record), changes: items.chain((some) => fc.tuple(...some.map(damaged))) });
  });
}

/** What a change did to the attributes of an item, in a short form. */
export function shortForm({ table, stored, item }: RandomChange): string {
  const text = (value: AttributeValue | undefined) => (value === undefined ? 'removed' : JSON.stringify(value));
  const names = [...new Set([...Object.keys(stored), ...Object.keys(item)])];
  const differences = names.filter((name) => text(stored[name]) !== text(item[name]));
  const parts = differences.map((name) => `${name}: ${text(item[name]).slice(0, 80)}`);
  return `${table} ${keyOf(table, stored)}: ${parts.join(', ')}`;
}
