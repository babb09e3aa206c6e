import { beforeEach, describe, expect, test } from 'vitest';
import { markCacheTtlMs } from '../../lambdas/records/org-marks.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { createRecordVerifiers, InMemoryOrgMarks, InMemoryRecordsKey } from './in-memory-records.ts';

const org = '0123456789abcdef';
const at = '2026-06-01T12:00:00.000Z';
const raised = { generation: 3, state: 'active' } as const;

let store: InMemoryOrgMarks;
let now: Date;
const processOf = () => createRecordVerifiers(store, () => now).marks;

beforeEach(() => {
  store = new InMemoryOrgMarks().begin(org);
  now = new Date(at);
});

describe('marks of orgs', () => {
  test('a process reads a mark once in five minutes, also for concurrent requests', async () => {
    const marks = processOf();
    await Promise.all([marks.get(org), marks.get(org)]);
    now = new Date(Date.parse(at) + markCacheTtlMs - 1);
    await marks.get(org);
    expect(store.reads).toBe(1);
    now = new Date(Date.parse(at) + markCacheTtlMs);
    await marks.get(org);
    expect(store.reads).toBe(2);
  });

  test('a process sees a change of another one after five minutes at the latest', async () => {
    const [one, other] = [processOf(), processOf()];
    await one.get(org);
    await other.raise(org, raised);
    expect((await one.get(org)).generation).toBe(1);
    now = new Date(Date.parse(at) + markCacheTtlMs);
    expect((await one.get(org)).generation).toBe(3);
  });

  test('a missing mark is refused, and a failed read is not remembered', async () => {
    const marks = processOf();
    store.stored.clear();
    expect(await errorCodeOf(marks.get(org))).toBe('decryption_failed');
    store.begin(org);
    expect((await marks.get(org)).generation).toBe(1);
  });

  test('concurrent changes of several processes are all kept', async () => {
    const changes = Array.from({ length: 8 }, (_, n) => processOf().endKey(org, `key${n}`, at));
    await Promise.all([...changes, processOf().raise(org, raised)]);
    expect(Object.keys(store.markOf(org).ended)).toHaveLength(8);
    expect(store.markOf(org).generation).toBe(3);
  });

  test('a change whose reply was lost, or that another writer preceded, is made exactly once', async () => {
    store.outcomes = ['conflict', 'lost'];
    await processOf().endKey(org, 'a', at);
    expect(store.markOf(org).ended).toEqual({ a: at });
    expect(store.writes).toBe(1);
  });

  test('a change that cannot be stored is an error, and a retry makes it', async () => {
    store.outcomes = ['refused'];
    const marks = processOf();
    expect(await errorCodeOf(marks.raise(org, raised))).toBe('unavailable');
    expect(store.markOf(org).generation).toBe(1);
    await marks.raise(org, raised);
    expect(store.markOf(org).generation).toBe(3);
  });

  test('what the mark already states costs no write', async () => {
    const marks = processOf();
    await marks.raise(org, raised);
    await marks.raise(org, raised);
    await marks.raise(org, { generation: 2, state: 'active' });
    await marks.endKey(org, 'a', at);
    await marks.endKey(org, 'a', at);
    expect(store.writes).toBe(2);
  });

  test('the first mark is never overwritten', async () => {
    const marks = processOf();
    await marks.raise(org, raised);
    expect(await errorCodeOf(marks.create(org))).toBe('internal');
    store.stored.clear();
    store.outcomes = ['lost'];
    await marks.create(org);
    expect(store.markOf(org).generation).toBe(1);
  });

  test('without the records key there is no mark, and a mark under another records key is refused', async () => {
    const refused = new InMemoryRecordsKey();
    refused.fail = true;
    expect(await errorCodeOf(createRecordVerifiers(store, () => now, refused).marks.get(org))).toBe('unavailable');
    const other = createRecordVerifiers(store, () => now, new InMemoryRecordsKey()).marks;
    expect(await errorCodeOf(other.get(org))).toBe('decryption_failed');
  });

  test('the key of an org is computed once per process, unless that failed', async () => {
    const recordsKey = new InMemoryRecordsKey();
    const { keys } = createRecordVerifiers(store, () => now, recordsKey);
    recordsKey.fail = true;
    expect(await errorCodeOf(keys.get(org))).toBe('unavailable');
    recordsKey.fail = false;
    await Promise.all([keys.get(org), keys.get(org)]);
    await keys.get(org);
    expect(recordsKey.calls).toBe(2);
  });
});
