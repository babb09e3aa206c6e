import { describe, expect, test } from 'vitest';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { sealHash } from '../../core/audit/audit-seal.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { settleTimeMs } from '../../lambdas/audit/audit-seal-service.ts';
import { lambdaTripwireReport } from '../../lambdas/audit/stores/lambda-tripwire-report.ts';
import type { LambdaEventClient } from '../../lambdas/aws/lambda-event-client.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { firstRecordTime, readSeal } from './export-fixtures.ts';
import { deployment } from './in-memory-deployment.ts';

const day = 86_400_000;

describe('sealing', () => {
  test('leaves out what is so young that a record could still come before it', async () => {
    const { write, exported, time, store } = deployment();
    const org = randomId();
    await write(org, 100);
    const first = await exported(org);
    expect(first).toMatchObject({ problems: [], records: 40 });
    expect(settleTimeMs).toBe(60_000);
    time.now += settleTimeMs;
    const second = await exported(org, { until: time.now - settleTimeMs });
    expect(second).toMatchObject({ problems: [], records: 100 });
    expect(store.signed).toBe(2);
  });

  test('makes seals that hold whatever the pages of the table are', async () => {
    for (const pageSize of [2, 3, 7, 100]) {
      const { write, exported, time, store } = deployment();
      const org = randomId();
      await write(org, 100);
      time.now += settleTimeMs;
      store.pageSize = pageSize;
      expect(await exported(org)).toMatchObject({ problems: [], records: 100 });
    }
  });

  test('makes seals of at most 1000 records, and fewer where records are large, and exports them in pages', async () => {
    const { write, exported, time, heads } = deployment();
    const org = randomId();
    await write(org, 2100);
    const names = Array.from({ length: 100 }, (_, n) => `${'x'.repeat(200)}/${n}`);
    await write(org, 300, () => ({ names }));
    time.now += settleTimeMs;
    const result = await exported(org);
    expect(result).toMatchObject({ problems: [], records: 2400, summary: { org, records: 2400 } });
    const counts = heads.all(org).map((jws) => readSeal(jws)?.count ?? 0);
    expect(counts.slice(0, 2)).toEqual([1000, 1000]);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2400);
    expect(counts.length).toBeGreaterThan(4);
    expect(result.pages).toBeGreaterThan(2);
  });

  test('by two sealers at once, or with a reply lost, ends in one chain', async () => {
    const { write, exported, time, heads, sealer } = deployment();
    const org = randomId();
    await write(org, 5);
    time.now += settleTimeMs;
    heads.beforeAdd = () => sealer.seal(org);
    await sealer.seal(org);
    await write(org, 5);
    time.now += settleTimeMs;
    heads.loseReply = true;
    await sealer.seal(org);
    expect(await exported(org)).toMatchObject({ problems: [], records: 10 });
  });

  test('goes on when another sealer came first with a seal that ends earlier', async () => {
    const { write, time, heads, sealer, newSealer } = deployment();
    const org = randomId();
    await write(org, 60);
    time.now += settleTimeMs;
    const behind = newSealer(() => new Date(time.now - 30_000));
    heads.beforeAdd = () => behind.seal(org);
    expect(await sealer.seal(org)).toBe(true);
    expect(heads.all(org).map((jws) => readSeal(jws)?.count)).toEqual([30, 30]);
  });

  test('of nothing new makes no seal on schedule, and on export at most one a minute', async () => {
    const { write, exported, time, store, sealer } = deployment();
    const org = randomId();
    await write(org, 1);
    time.now += settleTimeMs;
    await sealer.seal(org);
    await sealer.seal(org);
    expect(store.signed).toBe(1);
    for (let n = 0; n < 120; n++) {
      time.now += 1000;
      await exported(org);
    }
    expect(store.signed).toBe(3);
    expect(await exported(org)).toMatchObject({ problems: [], records: 1 });
  });

  test('of an org that never had a record tells so', async () => {
    const { exported } = deployment();
    expect(await exported(randomId())).toMatchObject({ problems: [], records: 0, summary: { seals: 1 } });
  });

  test('stops after the seal that its time allows, and goes on from there', async () => {
    const { write, exported, time, sealer, store } = deployment();
    const org = randomId();
    await write(org, 2500);
    time.now += settleTimeMs;
    expect(await sealer.seal(org, { shouldStop: () => true })).toBe(false);
    expect(store.signed).toBe(1);
    expect(await exported(org)).toMatchObject({ problems: [], records: 2500 });
  });
});

describe('the schedule', () => {
  test('seals every org with new records, and asks the table for nothing else', async () => {
    const { sweep, write, exported, time, store, heads } = deployment();
    const orgs = Array.from({ length: 20 }, () => randomId());
    store.swept = time.now;
    for (const org of orgs) await write(org, 3);
    time.now += 300_000 + settleTimeMs;
    expect((await sweep.run(() => false)).failures).toEqual([]);
    for (const org of orgs) expect(heads.all(org)).toHaveLength(1);
    store.markQueries = 0;
    time.now += 300_000;
    await sweep.run(() => false);
    expect(store.markQueries).toBe(8);
    for (const org of orgs) expect(await exported(org)).toMatchObject({ problems: [], records: 3 });
  });

  test('goes on although somebody wrote a time in the future as its progress', async () => {
    const { sweep, write, time, store, heads } = deployment();
    const org = randomId();
    await write(org, 1);
    time.now += 600_000;
    store.swept = Number.MAX_SAFE_INTEGER;
    expect((await sweep.run(() => false)).lagMs).toBeGreaterThan(0);
    expect(heads.all(org)).toHaveLength(1);
    expect(store.swept).toBeLessThan(time.now);
  });

  test('finds what an earlier run missed, up to a day later', async () => {
    const { sweep, write, time, heads } = deployment();
    const [early, late] = [randomId(), randomId()];
    await write(early, 1);
    time.now += 20 * 3_600_000;
    await write(late, 1);
    time.now += 600_000;
    await sweep.run(() => false);
    expect([heads.all(early).length, heads.all(late).length]).toEqual([1, 1]);
  });

  test('goes on when one org can not be sealed, tells which, and tries again', async () => {
    const { sweep, write, time, store, heads } = deployment();
    const [bad, good] = [randomId(), randomId()];
    await write(bad, 1);
    await write(good, 1);
    heads.put(bad, 50, 'forged');
    time.now += 600_000;
    expect((await sweep.run(() => false)).failures).toMatchObject([{ org: bad, error: { code: 'decryption_failed' } }]);
    expect([heads.all(good).length, heads.of(bad).size]).toEqual([1, 1]);
    expect(store.swept).toBeLessThanOrEqual(firstRecordTime);
    heads.of(bad).clear();
    expect((await sweep.run(() => false)).failures).toEqual([]);
    expect(heads.all(bad)).toHaveLength(1);
    expect(store.swept).toBe(Math.floor((time.now - settleTimeMs) / 300_000) * 300_000);
  });

  test('reports how far it is behind: under eleven minutes after a run, and growing while an org can not be sealed', async () => {
    const { sweep, write, time, heads } = deployment();
    const bad = randomId();
    await write(bad, 1);
    time.now += 600_000;
    expect((await sweep.run(() => false)).lagMs).toBeLessThan(660_000);
    await write(bad, 1);
    heads.put(bad, 50, 'forged');
    time.now += 3_600_000;
    const { failures, lagMs } = await sweep.run(() => false);
    expect(failures).toHaveLength(1);
    expect(lagMs).toBeGreaterThan(3_600_000);
    heads.of(bad).delete(50);
    expect((await sweep.run(() => false)).lagMs).toBeLessThan(660_000);
  });

  test('stops when its time is over, and has lost nothing then', async () => {
    const { sweep, write, time, heads } = deployment();
    const orgs = Array.from({ length: 30 }, () => randomId());
    for (const org of orgs) await write(org, 1);
    time.now += 600_000;
    let left = 5;
    await sweep.run(() => left-- <= 0);
    const sealed = () => orgs.filter((org) => heads.all(org).length === 1).length;
    expect(sealed()).toBeLessThan(30);
    await sweep.run(() => false);
    expect(sealed()).toBe(30);
  });

  test('learns of an org by one marked record of each environment and period, whose loss is made up for', async () => {
    const { store, trail, newTrail, facts, time } = deployment();
    const org = randomId();
    const marked = () => [...store.of(org).values()].filter((item) => item?.mark !== undefined).length;
    store.failing = true;
    expect(await errorCodeOf(trail.write(facts(org), 1000))).toBe('audit_unavailable');
    store.failing = false;
    for (let n = 0; n < 50; n++) await trail.write(facts(org), 1000);
    expect([marked(), store.all(org).length]).toEqual([1, 50]);
    await newTrail().write(facts(org), 1000);
    expect(marked()).toBe(2);
    time.now += 300_000;
    await trail.write(facts(org), 1000);
    expect(marked()).toBe(3);
  });
});

describe('tripwires', () => {
  const hit = (n: number) => (n % 2 === 0 ? {} : { tripwires: ['prod/old'] });

  test('are reported once for an org and a run, however many records and seals have them', async () => {
    const { write, time, heads, sealer, reports } = deployment();
    const org = randomId();
    await write(org, 2500, hit);
    time.now += settleTimeMs;
    await sealer.seal(org);
    expect(heads.all(org).length).toBeGreaterThan(2);
    expect(reports.orgs).toEqual([org]);
    await sealer.seal(org, { sealEmptyRange: true });
    await write(org, 3);
    time.now += settleTimeMs;
    await sealer.seal(org);
    expect(reports.orgs).toEqual([org]);
  });

  test('are reported by the schedule, for their org only', async () => {
    const { sweep, write, time, reports } = deployment();
    const [quiet, org] = [randomId(), randomId()];
    await write(quiet, 2);
    await write(org, 2, hit);
    await write(quiet, 1, () => ({ tripwires: [] }));
    time.now += 600_000;
    expect((await sweep.run(() => false)).failures).toEqual([]);
    expect(reports.orgs).toEqual([org]);
    time.now += 600_000;
    await sweep.run(() => false);
    expect(reports.orgs).toEqual([org]);
  });

  test('that are too young to be sealed are not reported yet', async () => {
    const { write, time, sealer, reports } = deployment();
    const org = randomId();
    await write(org, 2, hit);
    await sealer.seal(org);
    expect(reports.orgs).toEqual([]);
    time.now += settleTimeMs;
    await sealer.seal(org);
    expect(reports.orgs).toEqual([org]);
  });

  test('are reported beside the seals, which do not wait for it', async () => {
    const { write, time, heads, sealer, reports } = deployment();
    const org = randomId();
    await write(org, 2, hit);
    time.now += settleTimeMs;
    // Ends only after the seal was stored.
    reports.wait = async () => await expect.poll(() => heads.all(org)).toHaveLength(1);
    expect(await sealer.seal(org)).toBe(true);
  });

  test('whose records could not be sealed are reported again by the next run, so that none is lost', async () => {
    const { write, time, heads, sealer, reports } = deployment();
    const org = randomId();
    await write(org, 2, hit);
    time.now += settleTimeMs;
    heads.beforeAdd = async () => await Promise.reject(new VaultError('unavailable'));
    expect(await errorCodeOf(sealer.seal(org))).toBe('unavailable');
    await sealer.seal(org);
    expect(reports.orgs).toEqual([org, org]);
  });

  test('that cannot be reported are logged, and the report does not fail', async () => {
    const failure = new Error('no connection');
    const invoke = async () => await Promise.reject(failure);
    const lost: unknown[] = [];
    const client = { invoke } as unknown as LambdaEventClient;
    await lambdaTripwireReport(client, 'arn', (...given) => void lost.push(given))('0123456789abcdef');
    expect(lost).toEqual([['0123456789abcdef', failure]]);
  });
});

describe('tampering with the table', () => {
  async function sealed() {
    const made = deployment();
    const org = randomId();
    await made.write(org, 10);
    made.time.now += settleTimeMs;
    await made.sealer.seal(org);
    await made.write(org, 10);
    made.time.now += settleTimeMs;
    await made.sealer.seal(org);
    const [first] = made.store.all(org);
    if (first === undefined) throw new Error('no record');
    const codes = async () => (await made.exported(org)).problems.map(({ code }) => code);
    return { ...made, org, first, codes, items: made.store.of(org) };
  }

  test('a record that is gone, altered, added or made unreadable shows in the export', async () => {
    const gone = await sealed();
    gone.items.delete(gone.first.id);
    expect(await gone.codes()).toEqual(['record_removed']);
    const altered = await sealed();
    altered.items.set(altered.first.id, { record: { ...altered.first, principal: 'someone' } });
    expect(await altered.codes()).toEqual(['record_altered']);
    const added = await sealed();
    const id = added.first.id.replace(/.$/, added.first.id.endsWith('0') ? '1' : '0');
    added.items.set(id, { record: { ...added.first, id } });
    expect(await added.codes()).toEqual(['record_added']);
    const unreadable = await sealed();
    unreadable.items.set(unreadable.first.id, undefined);
    expect(await unreadable.codes()).toEqual(['record_removed']);
    const { records, damaged } = await unreadable.reading.query(unreadable.org, { limit: 1000 });
    expect(damaged).toEqual([unreadable.first.id]);
    expect(records).toHaveLength(unreadable.items.size - 1);
  });

  test('a thousand records added under an old seal still leave an export that can be read, and that tells', async () => {
    const { store, items, first, codes } = await sealed();
    for (let n = 0; n < 1000; n++) {
      const id = first.id.slice(0, 20) + n.toString().padStart(6, '0');
      items.set(id, { record: { ...first, id } });
    }
    expect(store.all(first.org)).toHaveLength(1020);
    // Only this seal has a problem. The records of the next seal are exported with that seal.
    expect(await codes()).toEqual(['record_added']);
  });
});

describe('retention', () => {
  test('records that are over are shown to nobody, and the export still verifies and says how many are gone', async () => {
    const { write, exported, time, sealer, reading, store } = deployment({ retentionDays: 2 });
    const org = randomId();
    await write(org, 10);
    time.now += settleTimeMs;
    await sealer.seal(org);
    time.now += day;
    await write(org, 5);
    time.now += settleTimeMs;
    await sealer.seal(org);
    expect(await exported(org)).toMatchObject({ problems: [], records: 15, summary: { expired: 0 } });
    time.now += 1.5 * day;
    // DynamoDB removes expired records with a delay. Readers see no difference before and after the removal.
    for (let round = 0; round < 2; round++) {
      expect((await reading.query(org, {})).records).toHaveLength(5);
      expect(await exported(org)).toMatchObject({ problems: [], records: 5, summary: { records: 5, expired: 10 } });
      for (const { id } of store.all(org).slice(0, 10 * (1 - round))) store.of(org).delete(id);
    }
  });

  test('for ever is a setting', async () => {
    const { write, exported, time, heads } = deployment({ retentionDays: 0 });
    const org = randomId();
    await write(org, 3);
    time.now += 5000 * day;
    expect(await exported(org)).toMatchObject({ problems: [], records: 3 });
    const [seal = ''] = heads.all(org);
    expect(readSeal(seal)).not.toHaveProperty('keptUntil');
    expect(sealHash(seal)).toHaveLength(43);
  });
});

describe('queries', () => {
  async function written() {
    const made = deployment();
    const org = randomId();
    await made.write(org, 10, (n) => ({ name: `prod/stripe/${n}`, principal: n % 2 ? 'odd' : 'even' }));
    await made.write(org, 5, () => ({ name: 'production', verb: 'values.write', route: 'setValue' }));
    await made.write(org, 2, () => ({ name: undefined, names: ['prod/a', 'other/b'], route: 'getValues' }));
    const ask = async (query: object) => (await made.reading.query(org, query)).records.length;
    return { ...made, org, ask };
  }

  test('find by time, principal, verb, exact name and folder, alone and together', async () => {
    const { ask } = await written();
    const at = (seconds: number) => new Date(firstRecordTime + seconds * 1000).toISOString();
    expect(await ask({})).toBe(17);
    expect(await ask({ from: at(3) })).toBe(14);
    expect(await ask({ to: at(3) })).toBe(3);
    expect(await ask({ from: at(3), to: at(5) })).toBe(2);
    expect(await ask({ from: at(5), to: at(3) })).toBe(0);
    expect(await ask({ from: '0001-01-01T00:00:00Z', to: '9999-12-31T23:59:59+01:00' })).toBe(17);
    expect(await ask({ principal: 'odd' })).toBe(5);
    expect(await ask({ verb: 'values.write' })).toBe(5);
    expect(await ask({ name: 'prod/stripe/3' })).toBe(1);
    expect(await ask({ name: 'prod/' })).toBe(12);
    expect(await ask({ name: 'prod/a' })).toBe(2);
    expect(await ask({ name: 'prod' })).toBe(0);
    expect(await ask({ name: 'prod/', principal: 'odd' })).toBe(5);
  });

  test.each([1, 2, 5, 1000])('of any page size bring each record once, oldest first (%i)', async (limit) => {
    const { reading, org, store } = await written();
    for (const filter of [{}, { name: 'prod/' }]) {
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await reading.query(org, { ...filter, limit, cursor });
        expect(page.records.length).toBeLessThanOrEqual(limit);
        found.push(...page.records.map(({ id }) => id));
        cursor = page.cursor;
      } while (cursor !== undefined);
      const expected = store.all(org).filter(({ name, names }) => !filter.name || name?.startsWith('prod/') || names);
      expect(found).toEqual(expected.map(({ id }) => id));
    }
  });

  test('that match little end within bounds, and go on by their cursor', async () => {
    const { reading, org, write } = await written();
    await write(org, 12_000);
    await write(org, 1, () => ({ principal: 'rare' }));
    let pages = 0;
    let cursor: string | undefined;
    let found = 0;
    do {
      const page = await reading.query(org, { principal: 'rare', cursor });
      found += page.records.length;
      cursor = page.cursor;
      pages++;
    } while (cursor !== undefined);
    expect([found, pages]).toEqual([1, 3]);
  });

  test('take no cursor of another query, list or org', async () => {
    const { reading, exporting, org } = await written();
    const { cursor } = await reading.query(org, { name: 'prod/', limit: 1 });
    expect(cursor).toBeDefined();
    expect(await errorCodeOf(reading.query(org, { name: 'production', cursor }))).toBe('invalid_cursor');
    expect(await errorCodeOf(reading.query(randomId(), { name: 'prod/', cursor }))).toBe('invalid_cursor');
    expect(await errorCodeOf(exporting.export(org, cursor))).toBe('invalid_cursor');
    expect(await errorCodeOf(exporting.export(org, 'nonsense'))).toBe('invalid_cursor');
  });
});
