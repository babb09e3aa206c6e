/** Requests for values. */
import type { Json } from './asker.ts';
import { addFact } from './facts.ts';
import { assertKnown, type Probe } from './probe-context.ts';

const names = ['prod/a', 'prod/remade', 'prod/gone', 'prod/expiring', 'other/b'];

const noteOf = ({ metadata }: Json): string => String(metadata.note).replace('metadata of ', '');

export const probeValues: Probe = async (context, facts) => {
  const { world, asker } = context;
  const { mine } = world;
  const key = mine.agentKey;
  const readOne = async (name: string, version?: number) => {
    const query = version === undefined ? '' : `?version=${version}`;
    const read = await asker.ask('GET', `/v1/vault/values/${name}${query}`, { key });
    if (read === undefined) return;
    assertKnown(context, mine, name, read.value, noteOf(read));
    if (version === undefined) addFact(facts, name, 'a read returns an earlier version', read);
    else addFact(facts, name, 'a read of an earlier version returns another one', [version, read]);
  };
  const versionsOf = async (name: string) => {
    const listed = await asker.ask('GET', `/v1/vault/versions/${name}`, { key });
    for (const one of listed?.versions ?? []) {
      assertKnown(context, mine, name, noteOf(one));
      addFact(facts, name, `the list of versions shows an earlier version\0${one.version}`, one);
    }
  };
  const listed = async () => {
    const { values = [] } = (await asker.ask('GET', '/v1/vault/values', { key: mine.watcher, isList: true })) ?? {};
    for (const one of values) {
      if (!names.includes(one.name)) continue;
      assertKnown(context, mine, one.name, noteOf(one));
      addFact(facts, one.name, 'the list of values shows an earlier version', one);
    }
    const batch = await asker.ask('POST', '/v1/vault/batch-get', { key: mine.watcher, body: { names }, isList: true });
    for (const { ok, name, value } of batch?.results ?? []) {
      if (ok) assertKnown(context, mine, name, value.value, noteOf(value));
      if (ok) addFact(facts, name, 'a read returns an earlier version', value);
    }
  };
  const explained = async (name: string) => {
    const answer = await asker.ask('GET', `/v1/explain?ref=value:${name}`, { key: mine.watcher });
    if (answer?.state !== 'stored') return;
    for (const { kind, id, who, how } of answer.canOpen)
      addFact(facts, name, `\`explain\` says that the value can be opened\0${kind} ${id} ${who}`, how);
  };
  await Promise.all([
    ...names.flatMap((name) => [readOne(name), readOne(name, 2), versionsOf(name), explained(name)]),
    listed(),
  ]);
};
