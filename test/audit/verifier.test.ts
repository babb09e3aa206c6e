import { describe, expect, test } from 'vitest';
import { sealHash } from '../../core/audit/audit-seal.ts';
import { AuditVerifier, type ExportExpectations } from '../../core/audit/audit-verifier.ts';
import { RememberedHeads } from '../../core/audit/remembered-heads.ts';
import { firstTimeIdAt } from '../../core/encoding/time-ordered-id.ts';
import { type Batch, firstRecordTime, makeExport, org, readSeal, record, rootOf, signSeal } from './export-fixtures.ts';

/** Verifies the signature of each seal once, because the tests below change only records. */
const seen = new Map<string, ReturnType<typeof readSeal>>();
const readOnce = (jws: string) => {
  if (!seen.has(jws)) seen.set(jws, readSeal(jws));
  return seen.get(jws);
};

/** Verifies batches, after a seal or from the first one on. */
function verify(batches: readonly Batch[], { after, ...ends }: { after?: string } & ExportExpectations = {}) {
  const verifier = new AuditVerifier(readOnce, after);
  for (const { records, seal } of batches) {
    for (const one of records) verifier.addLine(one);
    verifier.addLine({ seal });
  }
  return verifier.finish(ends);
}
const codes = (...args: Parameters<typeof verify>) => verify(...args).problems.map(({ code }) => code);

const seals = 250;
const each = 40;
const all = makeExport(seals, each);
const batchAt = (index: number): Batch => all[index] ?? expect.fail('no such batch');
const beforeBatch = (index: number): { after?: string } => (index === 0 ? {} : { after: batchAt(index - 1).seal });

/** Applies a change to each of the 10,000 records, one at a time, and collects the problems found. */
function tryAll(change: (records: Record<string, unknown>[], at: number) => void): {
  tried: number;
  found: Set<string>;
} {
  const found = new Set<string>();
  let tried = 0;
  for (let index = 0; index < seals; index++) {
    const { seal, records } = batchAt(index);
    for (let at = 0; at < each; at++) {
      const changed = [...records];
      change(changed, at);
      found.add(codes([{ seal, records: changed }], beforeBatch(index)).join());
      tried++;
    }
  }
  return { tried, found };
}

describe('an export of 10,000 records under 250 seals', () => {
  test('holds as it is, and says until when it is complete', () => {
    const { problems, summary } = verify(all, { until: firstRecordTime + 10_000_000 });
    expect(problems).toEqual([]);
    expect(summary).toEqual({
      org,
      seals,
      records: 10_000,
      expired: 0,
      completeUntil: new Date(firstRecordTime + 10_000_000).toISOString(),
      headSeq: seals,
      head: sealHash(batchAt(seals - 1).seal),
    });
    for (let index = 0; index < seals; index++) expect(codes([batchAt(index)], beforeBatch(index))).toEqual([]);
  });

  test('each record that is dropped is noticed', () => {
    expect(tryAll((records, at) => records.splice(at, 1))).toEqual({
      tried: 10_000,
      found: new Set(['record_removed']),
    });
  });

  test('each record that is altered is noticed', () => {
    const alter = (records: Record<string, unknown>[], at: number) => {
      records[at] = { ...records[at], result: 'forbidden' };
    };
    expect(tryAll(alter)).toEqual({ tried: 10_000, found: new Set(['record_altered']) });
  });

  test('each record that is duplicated is noticed', () => {
    const double = (records: Record<string, unknown>[], at: number) => records.splice(at, 0, { ...records[at] });
    expect(tryAll(double)).toEqual({ tried: 10_000, found: new Set(['record_added']) });
  });

  test('each record that changes places with its neighbour is noticed', () => {
    const swap = (records: Record<string, unknown>[], at: number) => {
      const other = at === 0 ? 1 : at - 1;
      [records[at], records[other]] = [records[other] ?? {}, records[at] ?? {}];
    };
    expect(tryAll(swap)).toEqual({ tried: 10_000, found: new Set(['record_reordered']) });
  });

  test('each record that another stands in for is noticed', () => {
    const replace = (records: Record<string, unknown>[], at: number) => {
      records[at] = record(Date.parse(String(records[at]?.time)));
    };
    expect(tryAll(replace)).toEqual({ tried: 10_000, found: new Set(['record_altered']) });
  });

  test('each length that it is cut to is noticed when told until when it must be complete', () => {
    const until = firstRecordTime + 10_000_000;
    for (let last = 0; last < seals; last++) {
      const cut = codes([batchAt(last)], { ...beforeBatch(last), until });
      expect(cut).toEqual(last === seals - 1 ? [] : ['cut']);
      // The export ends within a batch, so the seal of its records is missing.
      const verifier = new AuditVerifier(readOnce, beforeBatch(last).after);
      for (const one of batchAt(last).records.slice(0, 7)) verifier.addLine(one);
      expect(verifier.finish({ until }).problems.map(({ code }) => code)).toEqual(
        expect.arrayContaining(['unsealed', 'cut']),
      );
    }
  });

  test('each seal that is missing with its records is noticed', () => {
    for (let index = 0; index < seals - 1; index++) {
      expect(codes(all.slice(index + 1, index + 2), beforeBatch(index))).toEqual(['chain_broken']);
    }
  });
});

describe('an export', () => {
  const three = makeExport(3, 4);
  const [one, two, last] = three as [Batch, Batch, Batch];
  const resealed = (batch: Batch, fields: object): Batch => ({
    ...batch,
    seal: signSeal({ ...readSeal(batch.seal), ...fields }),
  });

  test('without anything in it is no export', () => {
    expect(codes([])).toEqual(['chain_broken']);
  });

  test.each([
    ['another field', { evil: 'x' }],
    ['another organization', { org: 'zzzzzzzzzzzzzzzz' }],
    ['an emptied name', { name: '' }],
    ['another time', { time: '2026-11-21T00:00:00.001Z' }],
  ])('with %s in a record is refused', (_, fields) => {
    const altered = { ...one, records: one.records.map((r, n) => (n === 2 ? { ...r, ...fields } : r)) };
    expect(codes([altered, two, last])).toEqual(['record_altered']);
  });

  test('with a record moved into the next batch is refused in both', () => {
    const moved = one.records.slice(-1);
    const batches = [
      { ...one, records: one.records.slice(0, -1) },
      { ...two, records: [...moved, ...two.records] },
      last,
    ];
    expect(codes(batches)).toEqual(['record_removed', 'record_added']);
  });

  test.each([
    '',
    'x.y.z',
    one.seal.slice(0, -2),
    `${one.seal}x`,
    one.seal.replace(/\.[^.]*$/, two.seal.match(/\.[^.]*$/)?.[0] ?? ''),
  ])('with a seal that no key signed is refused (%#)', (seal) => {
    expect(codes([{ ...one, seal }])).toContain('seal_invalid');
  });

  test('whose seals change places, stand twice or follow others is refused', () => {
    expect(codes([two, one, last])).toContain('chain_broken');
    expect(codes([one, one, two, last])).toContain('chain_broken');
    expect(codes([one, resealed(two, { previous: sealHash(last.seal) }), last])).toContain('chain_broken');
    expect(codes([one, resealed(two, { from: firstTimeIdAt(firstRecordTime + 4001) }), last])).toContain(
      'chain_broken',
    );
    expect(codes([resealed(one, { previous: sealHash(two.seal) })])).toContain('chain_broken');
  });

  test('with a whole batch emptied is refused, unless a later seal says that its time was over', () => {
    expect(codes([one, { ...two, records: [] }, last])).toEqual(['record_removed']);
    const keptUntil = (days: number) => ({ keptUntil: new Date(firstRecordTime + days * 86_400_000).toISOString() });
    const old = makeExport(2, 4, (seq) =>
      seq === 2 ? { sealedAt: new Date(firstRecordTime + 401 * 86_400_000).toISOString() } : keptUntil(400),
    );
    const emptied = old.map((batch, n) => (n === 0 ? { ...batch, records: [] } : batch));
    expect(verify(emptied)).toMatchObject({ problems: [], summary: { records: 4, expired: 4 } });
    const early = makeExport(2, 4, () => keptUntil(402)).map((batch, n) =>
      n === 0 ? { ...batch, records: [] } : batch,
    );
    expect(codes(early)).toEqual(['record_removed']);
    // Removing only some records of a seal is always a problem, because the remaining ones cannot be verified.
    expect(codes(old.map((batch) => ({ ...batch, records: batch.records.slice(1) })))).toContain('record_removed');
  });

  test('whose sealer covered a record of another organization, time or range is refused although it signed', () => {
    const from = firstTimeIdAt(firstRecordTime + 4000);
    for (const foreign of [
      record(firstRecordTime + 4500, { org: 'zzzzzzzzzzzzzzzz' }),
      record(firstRecordTime + 4500, { time: '2020-01-01T00:00:00.000Z' }),
      record(firstRecordTime + 3999),
    ]) {
      const batch = resealed({ ...two, records: [foreign] }, { from, count: 1, root: rootOf([foreign]) });
      expect(codes([one, batch])).toEqual(['seal_invalid']);
    }
  });

  test('that tells another history than one that was seen before is refused', () => {
    const head = sealHash(two.seal);
    expect(codes(three, { includes: head })).toEqual([]);
    expect(codes(makeExport(3, 4), { includes: head })).toEqual(['chain_broken']);
  });

  test('with lines that are no records is refused', () => {
    for (const line of [null, 7, 'x', [], {}, { id: 'x' }]) {
      const verifier = new AuditVerifier(readSeal);
      verifier.addLine(line);
      expect(verifier.finish().problems[0]?.code).toBe('malformed');
    }
  });
});

describe('a remembered head', () => {
  const batches = makeExport(5, 3);
  const headAt = (seq: number) => ({ seq, hash: sealHash(batches[seq - 1]?.seal ?? '') });
  const rememberedAt = (seq: number): ExportExpectations => ({
    remembered: (one) => (one === org ? headAt(seq) : undefined),
  });

  test('accepts every export that goes on from it, and refuses each one that ends before it', () => {
    for (let seen = 1; seen <= 5; seen++) {
      for (let end = 1; end <= 5; end++) {
        expect(codes(batches.slice(0, end), rememberedAt(seen))).toEqual(end < seen ? ['cut'] : []);
      }
    }
    expect(verify(batches.slice(0, 2), rememberedAt(4)).problems[0]?.detail).toBe(
      `the export ends with seal 2, but seal 4 of ${org} was verified earlier`,
    );
  });

  test('refuses an export with another history, even if it is longer and valid by itself', () => {
    const other = makeExport(9, 3);
    expect(codes(other)).toEqual([]);
    expect(codes(other, rememberedAt(3))).toEqual(['history_changed']);
  });

  test('refuses an empty export of an expected organization', () => {
    expect(codes([], { org, ...rememberedAt(3) })).toEqual(['chain_broken', 'cut']);
  });

  test('of another organization does not count, but the export must be of the organization that is expected', () => {
    const elsewhere: ExportExpectations = { remembered: (one) => (one === org ? undefined : headAt(5)) };
    expect(codes(batches, elsewhere)).toEqual([]);
    expect(codes(batches, { org })).toEqual([]);
    expect(codes(batches, { org: 'zzzzzzzzzzzzzzzz' })).toEqual(['wrong_org']);
  });
});

describe('the file of remembered heads', () => {
  test('returns what was stored, for several organizations', () => {
    const heads = RememberedHeads.parse(undefined);
    const { summary } = verify(makeExport(2, 1));
    heads.add(summary);
    heads.add({ ...summary, org: 'zzzzzzzzzzzzzzzz', headSeq: 9 });
    const again = RememberedHeads.parse(heads.toText());
    expect(again.find(org)).toEqual({ seq: 2, hash: summary.head });
    expect(again.find('zzzzzzzzzzzzzzzz')?.seq).toBe(9);
    expect(again.find('0000000000000000')).toBeUndefined();
  });

  test.each([
    '',
    'no JSON',
    '[]',
    '{}',
    '{"version":2,"heads":{}}',
    '{"version":1,"heads":[]}',
    '{"version":1,"heads":{"a":null}}',
    `{"version":1,"heads":{"a":{"seq":0,"hash":"${'a'.repeat(43)}"}}}`,
    '{"version":1,"heads":{"a":{"seq":1,"hash":"short"}}}',
  ])('is refused if it is damaged, because a forgotten head hides a cut (%#)', (text) => {
    expect(() => RememberedHeads.parse(text)).toThrow(RangeError);
  });
});
