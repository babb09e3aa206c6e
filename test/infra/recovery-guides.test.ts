/** The pages for operators say of every table what can be restored, as it is in the template. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { appForTest, ofType, type Synthesized, synthesize, target } from './synthesized-template.ts';

const page = (name: string): string => readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');

interface Table {
  readonly canBeRestored: boolean;
  readonly timeToLive: boolean;
  readonly sortKey: string | undefined;
}

let template: Synthesized;
/** By the name of the output with the name of the table. The table of deliveries has none. */
let tables: Map<string, Table>;
beforeAll(() => {
  template = synthesize(appForTest());
  const outputs = Object.entries(template.outputs).filter(([name]) => name.endsWith('Table'));
  tables = new Map(
    outputs.map(([name, { Value }]) => {
      const { Properties } = template.resources[target(Value)] ?? expect.fail(name);
      const keys: { AttributeName: string; KeyType: string }[] = [Properties.KeySchema].flat() as never;
      return [
        name,
        {
          canBeRestored: 'PointInTimeRecoverySpecification' in Properties,
          timeToLive: 'TimeToLiveSpecification' in Properties,
          sortKey: keys.find(({ KeyType }) => KeyType === 'RANGE')?.AttributeName,
        },
      ];
    }),
  );
});

const namesOf = (matches: (table: Table) => boolean): string[] =>
  [...tables].flatMap(([name, table]) => (matches(table) ? [name] : [])).toSorted();

/** Names of outputs of tables in a text. */
const namesIn = (text: string): string[] =>
  [...text.matchAll(/`([A-Za-z]+Table)`/g)].map(([, name = '']) => name).toSorted();

/** A section with its subsections. */
const section = (text: string, heading: string): string => {
  const [, after] = text.split(`\n${heading}\n`);
  const level = /^#+/.exec(heading)?.[0] ?? '';
  return (after ?? expect.fail(`no section ${heading}`)).split(`\n${level} `)[0] ?? '';
};

test('every table but that of deliveries has an output', () => {
  expect(tables.size).toBe(ofType(template, 'AWS::DynamoDB::Table').length - 1);
});

describe('if a table was deleted, the page of incidents', () => {
  const rows = section(page('incidents'), '## A table was deleted')
    .split('\n')
    .flatMap((line) => {
      const [, names, advice] = /^\| (.*) \| (.*) \|$/.exec(line) ?? [];
      return names === undefined || advice === undefined ? [] : [{ names: namesIn(names), advice }];
    });

  test('has each table in one row', () => {
    expect(rows.flatMap(({ names }) => names).toSorted()).toEqual(namesOf(() => true));
  });

  test('restores exactly those that can be restored, and has the others created, because a deployment does not', () => {
    const ofRows = (matches: (advice: string) => boolean) =>
      rows.flatMap(({ names, advice }) => (matches(advice) ? names : [])).toSorted();
    expect(ofRows((advice) => advice.startsWith('restore '))).toEqual(namesOf(({ canBeRestored }) => canBeRestored));
    const isCreated = (advice: string) =>
      advice.startsWith('**cannot be restored**') && advice.includes('(recovery.md#create-an-empty-table)');
    expect(ofRows(isCreated)).toEqual(namesOf(({ canBeRestored }) => !canBeRestored));
    for (const { advice } of rows) expect(advice).not.toMatch(/deploy again/i);
  });
});

describe('the page of recovery', () => {
  const recovery = page('recovery');

  test('sets the TTL attribute of those tables again that have it', () => {
    const replace = section(recovery, '### Replace a table');
    const [, exceptions = ''] =
      /All tables that can be restored have the TTL attribute `ttl`, except (.*?)\./.exec(replace) ?? [];
    expect(namesIn(exceptions)).toEqual(namesOf(({ canBeRestored, timeToLive }) => canBeRestored && !timeToLive));
    expect(exceptions).not.toBe('');
  });

  test('creates the others with their keys and their TTL attribute', () => {
    const create = section(recovery, '### Create an empty table').replaceAll('\n', ' ');
    const [, withoutSortKey = ''] = /The sort key is `id`; (.*?) has none\./.exec(create) ?? [];
    const [, withoutTtl = ''] = /The TTL attribute is `ttl`; (.*?) has none\./.exec(create) ?? [];
    const created = namesOf(({ canBeRestored }) => !canBeRestored);
    const keyOf = (name: string) => (namesIn(withoutSortKey).includes(name) ? undefined : 'id');
    expect(created.map((name) => tables.get(name)?.sortKey)).toEqual(created.map(keyOf));
    expect(created.map((name) => tables.get(name)?.timeToLive)).toEqual(
      created.map((name) => !namesIn(withoutTtl).includes(name)),
    );
  });
});

test('the guide says of every table whether to back it up: never those that cannot be restored', () => {
  const rows = section(page('guide-operator'), '## What to back up, and what never to back up').split('\n');
  const said = rows.flatMap((line) => {
    const [, what = '', advice = ''] = /^\| (.*?) \| (.*) \|$/.exec(line) ?? [];
    return namesIn(what).map((name) => [name, advice.startsWith('**Never.**')] as const);
  });
  expect(
    said
      .filter(([, never]) => never)
      .map(([name]) => name)
      .toSorted(),
  ).toEqual(namesOf(({ canBeRestored }) => !canBeRestored));
  expect(said.map(([name]) => name).toSorted()).toEqual(namesOf(() => true));
});
