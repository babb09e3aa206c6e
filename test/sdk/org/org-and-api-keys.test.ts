import { describe, expect, test } from 'vitest';
import type { AnimaOptions, CallOptions } from '../../../sdk/src/index.ts';
import { apiKey, clientOf, fakeFetch, info, json, problem, rejectionOf } from '../fake-fetch.ts';

const id = '0123456789abcdef';
const key = { id, role: 'agent', createdAt: '2026-11-21T03:00:00.000Z' };
const record = {
  id: '01J00000000000000000000000',
  time: '2026-11-21T03:00:00.000Z',
  org: id,
  principal: id,
  route: 'getValue',
  verb: 'values.read',
  result: 'ok',
  requestId: 'r',
  sourceIp: '192.0.2.1',
};
const shredded = { org: id, state: 'shredded', final: false, receipts: ['a.b.c'] };

describe('client.keys', () => {
  test('lists keys over pages while it is iterated', async () => {
    const second = { ...key, id: 'fedcba9876543210', lastUsedAt: '2026-11-21T03:00:00.000Z' };
    const { fetch, seen } = fakeFetch(json({ keys: [key], cursor: 'c1' }), json({ keys: [second] }));
    const found: unknown[] = [];
    for await (const one of clientOf(fetch).keys.list({ pageSize: 1 })) found.push(one);
    expect(found).toEqual([key, second]);
    expect(seen.map(({ url }) => new URL(url).search)).toEqual(['?limit=1', '?limit=1&cursor=c1']);
  });

  test.each<[string, unknown]>([
    ['a whole key', apiKey],
    ['a path', '../org'],
    ['nothing', ''],
    ['no text', undefined],
  ])('sends nothing for the id that is %s, and does not repeat it', async (_, given) => {
    const { fetch, seen } = fakeFetch(json({}));
    for (const work of [
      clientOf(fetch).keys.revoke(given as string),
      clientOf(fetch).keys.rotate(given as string, { overlapSeconds: 0 }),
    ]) {
      const error = await rejectionOf(work);
      expect(error).toMatchObject({ name: 'InvalidRequestError', code: 'invalid_argument' });
      expect(String(error)).not.toContain('anm_');
    }
    expect(seen).toEqual([]);
  });

  test('takes no answer about another key for one about this', async () => {
    const other = { ...key, id: 'fedcba9876543210', revokedAt: key.createdAt };
    const revoke = clientOf(fakeFetch(json(other)).fetch).keys.revoke(id);
    expect(await rejectionOf(revoke)).toMatchObject({ code: 'unexpected_response' });
    const alive = clientOf(fakeFetch(json(key)).fetch).keys.revoke(id);
    expect(await rejectionOf(alive)).toMatchObject({ code: 'unexpected_response' });
    const rotate = clientOf(fakeFetch(json({ replacement: { ...key, key: apiKey }, replaced: other })).fetch);
    expect(await rejectionOf(rotate.keys.rotate(id))).toMatchObject({ code: 'unexpected_response' });
  });
});

describe('client.org', () => {
  test('has no rotation before the first', async () => {
    expect(await clientOf(fakeFetch(json({})).fetch).org.rotation()).toBeUndefined();
  });

  test('shreds only with a confirmation, and within the longest wait', async () => {
    const { fetch, seen } = fakeFetch(json(shredded));
    const { org } = clientOf(fetch);
    for (const options of [{ confirm: '' }, {}, { confirm: id, waitDays: 31 }, { confirm: id, waitDays: 0.5 }]) {
      const error = await rejectionOf(org.shred(options as { confirm: string }));
      expect(error).toMatchObject({ code: 'invalid_argument' });
    }
    expect(seen).toEqual([]);
    expect(await org.shred({ confirm: id })).toEqual(shredded);
    expect(seen[0]).toMatchObject({ method: 'POST', body: { confirm: id } });
  });

  test.each([
    ['org_locked', 'OrgStateError'],
    ['org_shredded', 'OrgStateError'],
    ['no_shred_pending', 'ConflictError'],
    ['api_key_expired', 'AuthenticationError'],
    ['audit_unavailable', 'UnavailableError'],
  ] as const)('%s is a %s', async (code, name) => {
    const client = clientOf(fakeFetch(problem(code)).fetch, { maxRetries: 0 });
    expect(await rejectionOf(client.org.cancelShred())).toMatchObject({ code, name });
  });
});

describe('client.vault.destroy', () => {
  test('sends nothing unless the name is said twice', async () => {
    const { fetch, seen } = fakeFetch(json({ destroyed: true, receipt: 'a.b.c' }));
    const { vault } = clientOf(fetch);
    for (const confirm of ['a/c', '', undefined]) {
      const error = await rejectionOf(vault.destroy('a/b', { confirm: confirm as string }));
      expect(error).toMatchObject({ code: 'invalid_argument' });
    }
    expect(seen).toEqual([]);
    expect(await vault.destroy('a/b', { confirm: 'a/b' })).toEqual({ destroyed: true, receipt: 'a.b.c' });
  });
});

describe('client.audit', () => {
  test('queries over pages, also over pages without records', async () => {
    const { fetch } = fakeFetch(json({ records: [], cursor: 'c1' }), json({ records: [record] }));
    expect(
      await clientOf(fetch)
        .audit.query({ from: new Date(0) })
        .toArray(),
    ).toEqual([record]);
  });

  test.each([{ from: 'yesterday' }, { to: new Date(Number.NaN) }, { from: '2026-01-01' }])('refuses %j', (options) => {
    const { audit } = clientOf(fakeFetch(json({})).fetch);
    expect(() => audit.query(options)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  test('exports every record before its seal as a line of its own, byte for byte as it came, fields of newer vaults included', async () => {
    const newer = { ...record, route: 'someNewRoute', verb: 'new.verb', extra: { b: 1, a: [2] } };
    const { fetch } = fakeFetch(
      json({ seals: [{ seal: 'a.b.c', records: [record, newer] }], cursor: 'c1' }),
      json({ seals: [{ seal: 'd.e.f', records: [] }] }),
    );
    const lines: string[] = [];
    for await (const line of clientOf(fetch).audit.export().lines()) lines.push(line);
    const told = [record, newer, { seal: 'a.b.c' }, { seal: 'd.e.f' }];
    expect(lines).toEqual(told.map((one) => `${JSON.stringify(one)}\n`));
  });

  test('takes nothing for a record that is none', async () => {
    for (const broken of [{ ...record, id: 7 }, { ...record, principal: undefined }, null, []]) {
      const { fetch } = fakeFetch(json({ records: [broken] }));
      expect(await rejectionOf(clientOf(fetch).audit.query().toArray())).toMatchObject({ code: 'unexpected_response' });
    }
  });
});

describe('what a call is made for', () => {
  const headersOf = async (client: AnimaOptions, call: CallOptions) => {
    const { fetch, seen } = fakeFetch(json({ ...info('a'), value: 'v' }));
    await clientOf(fetch, client).vault.get('a', call);
    const { 'x-anima-agent': agent, 'x-anima-run': run, 'x-anima-tool-call': toolCall } = seen[0]?.headers ?? {};
    return { agent, run, toolCall };
  };

  test('travels with each call, from the client or from the call, whose word counts', async () => {
    const none = { agent: undefined, run: undefined, toolCall: undefined };
    expect(await headersOf({}, {})).toEqual(none);
    expect(await headersOf({ agent: 'billing', run: 'r1' }, { run: 'r2', toolCall: 't' })).toEqual({
      agent: 'billing',
      run: 'r2',
      toolCall: 't',
    });
  });

  test('travels with batches, lists and retries too', async () => {
    const { fetch, seen } = fakeFetch(problem('unavailable'), json({ values: [] }));
    await clientOf(fetch, { agent: 'billing' }).vault.list({ run: 'r' }).toArray();
    expect(seen.map(({ headers }) => [headers['x-anima-agent'], headers['x-anima-run']])).toEqual([
      ['billing', 'r'],
      ['billing', 'r'],
    ]);
  });

  test.each(['', 'a b', 'a\r\nx-anima-run: forged', 'é', 'x'.repeat(129), '\u0000', 7, null])(
    'is refused before anything is sent when it is %j',
    async (id) => {
      for (const label of ['agent', 'run', 'toolCall']) {
        const options = { [label]: id } as CallOptions;
        const { fetch, seen } = fakeFetch(json({}));
        const error = await rejectionOf(clientOf(fetch).vault.get('a', options));
        expect(error).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining(label) });
        expect(() => clientOf(fetch, options)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
        expect(seen).toEqual([]);
      }
    },
  );
});
