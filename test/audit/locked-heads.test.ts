/** What a writer of the table, or of the locked bucket without the signing key, can do to the audit. */
import { describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../contract/audit/wire.ts';
import { sealHash } from '../../core/audit/audit-seal.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { AuditHeadConflict, AuditHeads } from '../../lambdas/audit/audit-heads.ts';
import { settleTimeMs } from '../../lambdas/audit/audit-seal-service.ts';
import { readSeal, signSeal } from './export-fixtures.ts';
import { deployment } from './in-memory-deployment.ts';

/** An org with seals over ten records each. */
async function sealedOrg(seals = 3) {
  const made = deployment();
  const org = randomId();
  const sealMore = async (count = 10) => {
    await made.write(org, count);
    made.time.now += settleTimeMs;
    return await made.newSealer().seal(org);
  };
  for (let n = 0; n < seals; n++) await sealMore();
  const codes = async (expected?: Parameters<typeof made.exported>[1]) =>
    (await made.exported(org, expected)).problems.map(({ code }) => code);
  const seqs = () => made.heads.all(org).map((jws) => readSeal(jws)?.seq);
  return { ...made, org, sealMore, codes, seqs, items: made.store.of(org) };
}

const forgedSeal = (jws: string): string => `${jws.slice(0, -8)}AAAAAAAA`;

describe('a writer of the table', () => {
  test('cannot change what is sealed: seals are read from the locked bucket only', async () => {
    const { items, codes, heads, org } = await sealedOrg();
    const before = heads.all(org);
    for (const [id, item] of items) {
      if (item !== undefined) items.set(id, { record: { ...item.record, principal: 'someone' } });
    }
    expect(await codes()).toEqual(['record_altered', 'record_altered', 'record_altered']);
    items.clear();
    expect(await codes()).toEqual(['record_removed', 'record_removed', 'record_removed']);
    expect(heads.all(org).slice(0, 3)).toEqual(before);
  });

  test('cannot start a second chain by removing everything: the next seal follows the locked one', async () => {
    const { items, sealMore, seqs, codes } = await sealedOrg();
    items.clear();
    await sealMore();
    expect(seqs()).toEqual([1, 2, 3, 4]);
    expect(await codes()).toEqual(['record_removed', 'record_removed', 'record_removed']);
  });

  /** Each mutation of an item that DynamoDB can store. */
  const mutations: Record<string, (record: AuditRecord) => object | undefined> = {
    removed: () => undefined,
    'with another principal': (record) => ({ record: { ...record, principal: 'x' } }),
    'with another result': (record) => ({ record: { ...record, result: 'forbidden' } }),
    'with an empty name': (record) => ({ record: { ...record, name: '' } }),
    'with a caller id': (record) => ({ record: { ...record, agent: 'x' } }),
  };
  test.each(Object.entries(mutations))('cannot hide a sealed record that is %s, whichever it is', async (_, mutate) => {
    const { items, exported, org } = await sealedOrg();
    for (const [id, item] of [...items]) {
      if (item === undefined) continue;
      const changed = mutate(item.record);
      if (changed === undefined) items.delete(id);
      else items.set(id, changed as typeof item);
      const { problems } = await exported(org);
      expect(problems.map(({ code }) => code)).toEqual([changed === undefined ? 'record_removed' : 'record_altered']);
      items.set(id, item);
    }
    expect((await exported(org)).problems).toEqual([]);
  });

  test('cannot shorten the retention of sealed records by a record with an early end', async () => {
    const { write, time, store, items, org, heads, newSealer, codes } = await sealedOrg(0);
    await write(org, 10);
    const victim = store.all(org)[5] ?? expect.fail();
    const id = victim.id.replace(/.$/, victim.id.endsWith('z') ? '0' : 'z');
    items.set(id, { record: { ...victim, id }, ttl: Math.ceil(Date.parse(victim.time) / 1000) + 90 });
    time.now += settleTimeMs;
    await newSealer().seal(org);
    const seals = heads.all(org).map((jws) => readSeal(jws));
    expect(seals.map((seal) => seal?.count)).toEqual([expect.any(Number), 1, expect.any(Number)]);
    const days = seals.map((seal) => Math.round((Date.parse(seal?.keptUntil ?? '') - time.now) / 86_400_000));
    expect(days).toEqual([400, 0, 400]);
    items.clear();
    time.now += 86_400_000;
    expect(await codes()).toEqual(['record_removed', 'record_removed']);
  });

  test('cannot stop the sealing of others by items with any ID, however many', async () => {
    const { write, time, store, items, org, newSealer, exported } = await sealedOrg(0);
    await write(org, 5);
    const [first] = store.all(org);
    for (let n = 0; n < 3000; n++) items.set(`${first?.id ?? ''}${n}`, undefined);
    time.now += settleTimeMs;
    store.pageSize = 50;
    expect(await newSealer().seal(org)).toBe(true);
    expect(await exported(org)).toMatchObject({ problems: [], records: 5 });
  });
});

describe('someone who can write the locked bucket, but cannot sign', () => {
  test.each([
    ['text', 'forged'],
    ['a seal with another signature', 'signature'],
    ['a seal of another number', 'number'],
    ['a seal of another organization', 'org'],
  ])('cannot take the place of the next seal with %s: it is reported, and sealing goes on', async (_, kind) => {
    const { heads, org, newSealer, codes, seqs, sealMore } = await sealedOrg();
    const [first = ''] = heads.all(org);
    const texts: Record<string, string> = {
      forged: 'forged',
      signature: forgedSeal(signSeal({ ...readSeal(first), seq: 4 })),
      number: first,
      org: signSeal({ ...readSeal(first), org: randomId(), seq: 4 }),
    };
    heads.put(org, 4, texts[kind] ?? expect.fail());
    await expect(sealMore()).rejects.toThrow(AuditHeadConflict);
    expect(heads.of(org).get(4)).toHaveLength(2);
    expect(await newSealer().seal(org)).toBe(true);
    expect(await codes()).toEqual([]);
    expect(seqs().length).toBeGreaterThanOrEqual(4);
  });

  test('cannot replace a seal by a later version, even one that the vault signed', async () => {
    const { heads, org, codes } = await sealedOrg();
    const [first = '', second = ''] = heads.all(org);
    heads.put(org, 2, first);
    heads.put(org, 2, signSeal({ ...readSeal(second), count: 0 }));
    expect(await codes()).toEqual([]);
  });

  test('cannot make the sealer sign a second chain, at whatever number they put objects', async () => {
    for (const seq of [1, 2, 5, 40, 1000, 999_999_999_999]) {
      const { heads, org, codes, sealMore } = await sealedOrg();
      const known = heads.all(org);
      heads.put(org, seq, 'forged');
      // An object under a seal is only one more version; another number is reported.
      const sealing = sealMore();
      if (seq <= 3) expect(await sealing).toBe(true);
      else await expect(sealing).rejects.toThrow(AuditHeadConflict);
      expect(heads.all(org).slice(0, 3)).toEqual(known);
      expect(readSeal(heads.of(org).get(4)?.at(-1) ?? '')?.previous).toBe(sealHash(known[2] ?? ''));
      // Objects beyond the chain are exported as evidence.
      expect(await codes()).toEqual(seq >= 5 ? ['seal_invalid'] : []);
    }
  });

  test('cannot hide the latest seal with many objects after it', async () => {
    const { heads, org, sealMore } = await sealedOrg();
    for (let seq = 5; seq < 105; seq++) heads.put(org, seq, 'forged');
    await expect(sealMore()).rejects.toThrow(AuditHeadConflict);
    expect(readSeal(heads.of(org).get(4)?.[0] ?? '')).toMatchObject({ seq: 4, count: 10 });
  });

  test('cannot stop the export of the rest with a damaged object', async () => {
    const { heads, org, exporting, exported } = await sealedOrg(0);
    heads.put(org, 1, 'x'.repeat(10_000));
    const page = await exporting.export(org, undefined);
    // The sealer has added its own seal after it.
    expect(page.seals.map(({ seal }) => readSeal(seal)?.seq)).toEqual([1]);
    heads.put(org, 9, '\u0000\u0001');
    expect((await exported(org)).problems.map(({ code }) => code)).toEqual(['seal_invalid']);
  });

  test('is reported when objects are all that the bucket has of an organization', async () => {
    const { heads, org, sealMore } = await sealedOrg(0);
    for (let seq = 1; seq < 60; seq++) heads.put(org, seq, 'forged');
    await expect(sealMore()).rejects.toThrow(AuditHeadConflict);
    expect(heads.of(org).get(1)).toEqual(['forged']);
  });
});

describe('the sealer', () => {
  test('finds the latest of any number of seals with few requests, from nothing', async () => {
    for (const count of [1, 31, 32, 33, 34, 100, 1025, 3333]) {
      const { heads, org, store } = await sealedOrg(0);
      for (let seq = 1; seq <= count; seq++) heads.put(org, seq, seq === count ? signSeal(sealOf(org, seq)) : 'unread');
      heads.lists = 0;
      heads.reads = 0;
      const latest = new AuditHeads(heads, store.signer);
      expect((await latest.findLatest(org)).head?.seq).toBe(count);
      expect([heads.lists < 25, heads.reads]).toEqual([true, 1]);
      heads.lists = 0;
      expect((await latest.findLatest(org)).head?.seq).toBe(count);
      expect([heads.lists, heads.reads]).toEqual([1, 1]);
    }
  });

  test('that crashed after it had stored a seal goes on from that seal', async () => {
    const { heads, org, newSealer, codes, seqs, sealMore } = await sealedOrg(1);
    heads.crashAfterAdd = new Error('out of memory');
    await expect(sealMore()).rejects.toThrow('out of memory');
    expect(await newSealer().seal(org)).toBe(true);
    expect(seqs()).toEqual([1, 2]);
    expect(await codes()).toEqual([]);
  });

  test('that lost the race adopts the seal of the other, and both end in one chain', async () => {
    const { heads, org, newSealer, codes, seqs, sealMore } = await sealedOrg(1);
    for (let round = 0; round < 5; round++) {
      const other = newSealer();
      heads.beforeAdd = () => other.seal(org);
      expect(await sealMore()).toBe(true);
    }
    expect(seqs()).toEqual([1, 2, 3, 4, 5, 6]);
    for (const [, versions] of heads.of(org)) expect(versions).toHaveLength(1);
    expect(await codes()).toEqual([]);
  });

  test('does not accept a seal of another run that does not cover the records or does not follow', async () => {
    for (const change of [{ root: 'a'.repeat(43) }, { count: 9 }, { previous: 'b'.repeat(43) }]) {
      const { heads, org, write, time, newSealer, store } = await sealedOrg(1);
      await write(org, 10);
      time.now += settleTimeMs;
      const twin = deployment();
      twin.store.records_.set(org, store.of(org));
      for (const [seq, versions] of heads.of(org)) for (const text of versions) twin.heads.put(org, seq, text);
      twin.time.now = time.now;
      await twin.sealer.seal(org);
      const right = readSeal(twin.heads.all(org)[1] ?? '') ?? expect.fail();
      heads.beforeAdd = async () => heads.put(org, 2, signSeal({ ...right, ...change }));
      await expect(newSealer().seal(org)).rejects.toThrow(AuditHeadConflict);
      expect(heads.of(org).get(2)).toHaveLength(1);
    }
  });
});

const sealOf = (org: string, seq: number) => ({
  org,
  seq,
  from: '0'.repeat(26),
  to: '0'.repeat(26),
  count: 0,
  root: 'a'.repeat(43),
  sealedAt: '2026-11-21T00:00:00.000Z',
});
