/**
 * Applies the changes of a table to all of its records, one per record at a time, and reports what they make possible.
 */
import type { Item } from '../../shared/local-stack.ts';
import { type Change, changesOf, revivals } from './changes.ts';
import { allowedEffects, type FactsByRecord } from './facts.ts';
import type { About, ProbeContext } from './probe-context.ts';
import { probes } from './probes.ts';
import { keyOf, type Snapshot, type TableId, type Tables, tableTitles } from './tables.ts';
import { isTarget, recordOf, titleOf } from './targets.ts';

/** Tables that the probes of a table write to. */
const writtenBy: Readonly<Partial<Record<TableId, readonly TableId[]>>> = {
  KeyringsTable: ['ValuesTable', 'RotationsTable'],
  UserCustodyKeyringsTable: ['UserCustodyRecordsTable', 'UserCustodyDeliveriesTable'],
  UserCustodyDeliveriesTable: ['UserCustodyRecordsTable', 'UserCustodyKeyringsTable'],
  DeviceCustodyLogsTable: ['DeviceCustodyRostersTable'],
};

interface Planned extends Change {
  readonly table: TableId;
  readonly record: string;
  readonly title: string;
  readonly key: string;
  readonly stored: Item;
}

export interface Outcome {
  /** By kind of item and what became possible: the changes that made it possible, each with an example. */
  readonly allowed: Map<string, Map<string, string>>;
  readonly faults: readonly string[];
  readonly counts: { readonly changes: number; readonly denied: number };
}

const everything: About = { has: () => true };

export async function observe(context: ProbeContext, table: TableId, about: About = everything) {
  const facts: FactsByRecord = new Map();
  await probes[table](context, facts, about);
  return facts;
}

/** The changes of all attacked items of a table, by the record that they belong to. */
export function planChanges(context: ProbeContext, table: TableId, baseline: Snapshot): Map<string, Planned[]> {
  const { world } = context;
  const planned = new Map<string, Planned[]>();
  const plan = (stored: Item, changes: readonly Change[]) => {
    const record = recordOf(table, stored, baseline);
    const about = { table, record, title: titleOf(table, stored), key: keyOf(table, stored), stored };
    planned.set(record, [...(planned.get(record) ?? []), ...changes.map((change) => ({ ...change, ...about }))]);
  };
  const olderOf = (key: string, current: Item | undefined) => {
    const found = world.earlier.map((snapshot) => snapshot[table].get(key)).filter((item) => item !== undefined);
    const texts = new Set([JSON.stringify(current)]);
    return found.filter((item) => !texts.has(JSON.stringify(item)) && texts.add(JSON.stringify(item)));
  };
  const items = [...baseline[table].values()];
  for (const [key, item] of baseline[table]) {
    if (!isTarget(world, table, item)) continue;
    const alike = items.filter((one) => one !== item && titleOf(table, one) === titleOf(table, item));
    const theirs = alike.find(({ org }) => org?.S === world.theirs.org);
    const sibling = alike.find(({ org }) => org?.S === item.org?.S);
    // Each locator leads to one user, so all of them are tried. Of other records, one of each organization is enough.
    const isLocator = titleOf(table, item) === 'locators';
    const twins = isLocator ? alike : [theirs, sibling].filter((one) => one !== undefined);
    plan(item, changesOf(table, item, { twins, older: olderOf(key, item) }));
  }
  const known = new Set(world.earlier.flatMap((snapshot) => [...snapshot[table]].map(([key]) => key)));
  for (const key of known) {
    if (baseline[table].has(key)) continue;
    const [first, ...rest] = olderOf(key, undefined);
    if (first !== undefined && isTarget(world, table, first)) plan(first, revivals([first, ...rest]));
  }
  return planned;
}

export async function attackTable(
  context: ProbeContext,
  tables: Tables,
  table: TableId,
  baseline: Snapshot,
): Promise<Outcome> {
  const before = await observe(context, table);
  const written = [table, ...(writtenBy[table] ?? [])];
  await tables.restore(baseline, written);
  const faults = context.asker.take();
  const planned = planChanges(context, table, baseline);
  const allowed: Outcome['allowed'] = new Map();
  const counts = { changes: 0, denied: 0 };
  const rounds = Math.max(...[...planned.values()].map(({ length }) => length));
  for (let round = 0; round < rounds; round++) {
    const now = [...planned.values()].map((changes) => changes[round]).filter((change) => change !== undefined);
    await Promise.all(now.map((change) => apply(tables, change)));
    const after = await observe(context, table, new Set(now.flatMap(({ title, record }) => [title, record])));
    for (const change of now) {
      counts.changes++;
      const [was, is] = [before.get(change.record), after.get(change.record)];
      if ([...(was ?? [])].some(([effect]) => is?.has(effect) !== true)) counts.denied++;
      for (const effect of allowedEffects(was, is)) addAllowed(allowed, change, effect);
    }
    faults.push(...context.asker.take().map((fault) => `${fault} after ${now.map(describe).join('; ')}`));
    await tables.restore(baseline, written);
  }
  return { allowed, faults, counts };
}

const apply = (tables: Tables, { table, stored, item }: Planned): Promise<void> =>
  item === undefined ? tables.remove(table, stored) : tables.put(table, item);

function addAllowed(allowed: Outcome['allowed'], change: Planned, effect: string): void {
  const key = `${change.title}: ${effect}`;
  const labels = allowed.get(key) ?? new Map<string, string>();
  if (!labels.has(change.label)) labels.set(change.label, describe(change));
  allowed.set(key, labels);
}

/** The list of the threat model: `kind of item: changes: what becomes possible`. */
export const linesOf = (allowed: Outcome['allowed']): string[] =>
  [...allowed]
    .map(([key, labels]) => {
      const [title = '', effect = ''] = key.split(': ');
      return `${title}: ${[...labels.keys()].sort().join(', ')}: ${effect}`;
    })
    .sort();

const describe = ({ table, key, label, item }: Pick<Planned, 'table' | 'key' | 'label' | 'item'>): string =>
  `${tableTitles[table]} ${key} ${label}: ${JSON.stringify(item)}`;
