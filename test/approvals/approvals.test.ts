/** Uses that a person must allow, over in-memory stores: what is asked, who can answer, and what an answer allows. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { FetchAuth, FetchRequest } from '../../contract/broker/wire.ts';
import { hostOf } from '../../core/approvals/shown-request.ts';
import { OutboundRequestError } from '../../egress/exchange/outbound-http.ts';
import type { Host } from '../broker/in-memory-broker.ts';
import { ann, bob } from '../core/directory/directory-simulator.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { ApprovalWorld, refund, secret } from './approval-world.ts';

const code = errorCodeOf;
const again = (approval: object) => ({ ...refund, approval: approval as never });

test('nothing is sent before a person says yes, and then exactly what was asked, once', async () => {
  const world = await ApprovalWorld.create();
  const asked = await world.send({ ...refund, approval: { reason: 'Order 17 came back.' } });
  expect(asked).toMatchObject({ approval: { state: 'asked', devices: 2, retryAfterSeconds: 2 } });
  expect(world.woken.sort()).toEqual([world.phone.id, world.laptop.id].sort());
  const { id, handle = '' } = 'approval' in asked ? asked.approval : expect.fail('not asked');
  const request = again({ id, handle, reason: 'Order 17 came back.' });
  const polled = await world.send(request);
  expect(polled).toMatchObject({ approval: { id, state: 'asked' } });
  expect(polled).not.toHaveProperty('approval.handle');
  const question = await world.question(id);
  expect(world.judge(question)).toBeUndefined();
  expect(question).toMatchObject({
    reason: 'Order 17 came back.',
    earlier: '',
    request: { url: refund.url, form: refund.form, headers: { authorization: 'Bearer {{anima://prod/key}}' } },
    facts: { person: ann, host: 'api.stripe.com', method: 'POST', agent: 'bot', run: 'run-1' },
  });
  expect([world.broker.requests.length, world.broker.started.length]).toEqual([0, 0]);
  await world.answer(id, 'yes');
  expect(await world.send(request)).toMatchObject({ status: 200, body: '{"ok":true}' });
  expect(world.broker.requests).toHaveLength(1);
  const stored = world.store.approvals.get(id);
  expect(world.broker.started).toEqual([
    {
      approval: id,
      statement: Buffer.from(stored?.statement ?? '').toString('base64'),
      signature: Buffer.from(stored?.signature ?? '').toString('base64'),
      answer: Buffer.from(stored?.answer ?? '').toString('base64'),
    },
  ]);
  expect(await code(world.send(request))).toBe('approval_used');
  expect(world.broker.requests).toHaveLength(1);
});

test('no means no, for good', async () => {
  const world = await ApprovalWorld.create();
  const approval = await world.ask();
  await world.answer(approval.id, 'no');
  for (let round = 0; round < 2; round++) expect(await code(world.send(again(approval)))).toBe('approval_denied');
  expect(await code(world.answer(approval.id, 'yes', world.laptop))).toBe('approval_answered');
  expect(world.broker.requests).toEqual([]);
});

test('of two answers the first one counts; the same bytes again change nothing', async () => {
  const world = await ApprovalWorld.create();
  const { id } = await world.ask();
  const answer = { answer: Buffer.from(world.signed(id, 'yes')).toString('base64') };
  for (let round = 0; round < 2; round++)
    expect(await world.answers.answer(world.signer(world.phone), id, answer)).toEqual({ approval: id });
  expect(await code(world.answer(id, 'no', world.laptop))).toBe('approval_answered');
});

test('no answer within five minutes is no, and an allowed use ends with the question', async () => {
  const world = await ApprovalWorld.create();
  const unanswered = await world.ask();
  world.broker.pass(300_000);
  expect(await code(world.send(again(unanswered)))).toBe('approval_expired');
  expect(await code(world.answer(unanswered.id, 'yes'))).toBe('approval_expired');
  const late = await world.allowed();
  world.broker.pass(300_000);
  expect(await code(world.send(again(late)))).toBe('approval_expired');
  expect(world.broker.requests).toEqual([]);
});

describe('an approval is for exactly one request', () => {
  test.each([
    ['another body', { form: { charge: 'ch_1', amount: '501' } }],
    ['another path', { url: 'https://api.stripe.com/v1/charges' }],
    ['another query', { query: { expand: 'all' } }],
    ['another method', { method: 'PUT' as const }],
    ['another header', { headers: { ...refund.headers, 'x-more': '1' } }],
    ['another place of the value', { headers: {}, form: { ...refund.form, key: '{{anima://prod/key}}' } }],
  ])('not for %s', async (_, changes) => {
    const world = await ApprovalWorld.create();
    const approval = await world.allowed();
    expect(await code(world.send({ ...again(approval), ...changes }))).toBe('approval_mismatch');
    expect(world.broker.requests).toEqual([]);
    expect(await world.send(again(approval))).toMatchObject({ status: 200 });
  });

  test.each([
    ['key', { keyId: 'otherkeyotherkey' }, 'approval_not_found'],
    ['agent', { agent: 'another' }, 'approval_mismatch'],
    ['run', { run: 'another' }, 'approval_mismatch'],
  ])('not for another %s', async (_, changes, expected) => {
    const world = await ApprovalWorld.create();
    const approval = await world.allowed();
    const call = { keyId: 'agentkeyagentkey', agent: 'bot', run: 'run-1', ...changes };
    expect(await code(world.send(again(approval), call))).toBe(expected);
    expect(world.broker.requests).toEqual([]);
  });

  test('not in another order of its members than the one that is shown', async () => {
    const asked = { ...refund, query: { b: '1', a: '2' }, form: { amount: '5', 'amount[]': '1' } };
    const swapped = { ...refund, query: { a: '2', b: '1' }, form: { 'amount[]': '1', amount: '5' } };
    const nested = { ...refund, form: undefined, json: { to: { b: 1, a: [{ d: 1, c: 2 }] }, from: 'x' } };
    for (const [ask, use, body] of [
      [asked, swapped, 'amount=5&amount%5B%5D=1'],
      [swapped, asked, 'amount=5&amount%5B%5D=1'],
      [nested, nested, '{"from":"x","to":{"a":[{"c":2,"d":1}],"b":1}}'],
    ] as const) {
      const world = await ApprovalWorld.create();
      const approval = await world.allowed(ask);
      expect(await world.send({ ...use, approval })).toMatchObject({ status: 200 });
      expect(world.broker.requests[0]?.body?.toString()).toBe(body);
      if (ask !== nested) expect(world.broker.requests[0]?.url.search).toBe('?a=2&b=1');
    }
  });

  test('not with another reason, handle or id, and not without the handle', async () => {
    const world = await ApprovalWorld.create();
    const approval = await world.allowed();
    expect(await code(world.send(again({ ...approval, reason: 'else' })))).toBe('approval_mismatch');
    const handle = Buffer.alloc(32, 7).toString('base64url');
    expect(await code(world.send(again({ ...approval, handle })))).toBe('approval_not_found');
    expect(await code(world.send(again({ ...approval, id: 'a'.repeat(16) })))).toBe('approval_not_found');
    expect(await world.send()).toMatchObject({ approval: { state: 'asked' } });
    expect(world.broker.requests).toEqual([]);
  });

  test('not after the value, or its rules, have a new version', async () => {
    const world = await ApprovalWorld.create();
    const approval = await world.allowed();
    const metadata = { allowed_hosts: 'api.stripe.com', allowed_approver: ann };
    await world.broker.vault.set('prod/key', 'another-value', { metadata });
    expect(await code(world.send(again(approval)))).toBe('approval_mismatch');
    await world.broker.vault.set('prod/key', 'another-value', { metadata: { ...metadata, allowed_approver: bob } });
    expect(await code(world.send(again(approval)))).toBe('approval_mismatch');
  });
});

test('1,000 uses of one approval at the same time: exactly one starts', async () => {
  // On a slow machine, the time of a function would end for all of them.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  onTestFinished(() => void vi.useRealTimers());
  const world = await ApprovalWorld.create();
  const approval = await world.allowed();
  const outcomes = await Promise.allSettled(Array.from({ length: 1000 }, () => world.send(again(approval))));
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const codes = new Set(outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : [])));
  expect([...codes].filter((one) => one !== 'approval_used' && one !== 'approval_pending')).toEqual([]);
  expect([world.broker.requests.length, world.broker.started.length]).toEqual([1, 1]);
});

describe('scopes', () => {
  test('an approval of a run counts for so many requests to paths that match, with any body', async () => {
    const world = await ApprovalWorld.create({ allowed_approval: 'run 3 /v1/refunds/**' });
    const at = (path: string, amount: string) => ({
      ...refund,
      url: `https://api.stripe.com${path}`,
      form: { amount },
    });
    const approval = await world.allowed(at('/v1/refunds/1', '1'));
    expect(approval.run).toMatch(/^[0-9a-z]{16}$/);
    const use = (path: string, amount: string, more: object = {}) =>
      world.send({ ...at(path, amount), approval: { ...approval, ...more } });
    expect(await use('/v1/refunds/1', '1')).toMatchObject({ status: 200 });
    expect(await use('/v1/refunds/2', '2')).toMatchObject({ status: 200 });
    expect(await code(use('/v1/charges', '3'))).toBe('approval_mismatch');
    expect(await code(use('/v1/refunds/3', '3', { run: 'b'.repeat(16) }))).toBe('approval_mismatch');
    expect(await use('/v1/refunds/3', '3')).toMatchObject({ status: 200 });
    expect(await code(use('/v1/refunds/4', '4'))).toBe('approval_used');
    expect(world.broker.requests).toHaveLength(3);
  });

  test.each(['/v1/charges', '/v1/refunds/%2e%2e/charges', '/v1/refunds//1'])(
    'a request to %s, which the pattern does not cover, is asked about alone',
    async (path) => {
      const world = await ApprovalWorld.create({ allowed_approval: 'time 3 /v1/refunds/**' });
      const other = { ...refund, url: `https://api.stripe.com${path}` };
      const approval = await world.allowed(other);
      const covered = { ...refund, url: 'https://api.stripe.com/v1/refunds/1', approval };
      expect(await code(world.send(covered))).toBe('approval_mismatch');
      expect(await world.send({ ...other, approval })).toMatchObject({ status: 200 });
      expect(await code(world.send({ ...other, approval }))).toBe('approval_used');
      expect(world.broker.requests).toHaveLength(1);
    },
  );

  describe.each(['run 5 /**', 'time 5 /**'])(
    'an approval of %s counts for the same signing only',
    (allowed_approval) => {
      const auth = {
        type: 'oauth2-client-credentials',
        tokenUrl: 'https://other.example.com/token',
        clientId: 'me',
        clientSecret: 'anima://prod/key',
        scope: 'read',
      } as const satisfies FetchAuth;
      const signed = { url: refund.url, method: refund.method, form: refund.form, auth };
      const host: Host = ({ url }) => ({
        body: url.host === 'other.example.com' ? '{"access_token":"an-access-token","token_type":"Bearer"}' : '{}',
      });
      const rules = { allowed_approval, allowed_token_hosts: 'other.example.com' };

      test.each<[string, FetchRequest]>([
        [
          'another path of the token host',
          { ...signed, auth: { ...auth, tokenUrl: 'https://other.example.com/redirect' } },
        ],
        ['another port of it', { ...signed, auth: { ...auth, tokenUrl: 'https://other.example.com:8443/token' } }],
        ['a query', { ...signed, auth: { ...auth, tokenUrl: 'https://other.example.com/token?to=me' } }],
        ['another client', { ...signed, auth: { ...auth, clientId: 'you' } }],
        ['another scope of the token', { ...signed, auth: { ...auth, scope: 'read write' } }],
        ['another place of the secret', { ...signed, auth: { ...auth, clientAuth: 'body' } }],
        ['another scheme', { ...signed, auth: { type: 'hmac', scheme: 'github', secret: 'anima://prod/key' } }],
      ])('not for %s', async (_, other) => {
        const world = await ApprovalWorld.create(rules, host);
        const approval = await world.allowed(signed);
        expect(await code(world.send({ ...other, approval }))).toBe('approval_mismatch');
        expect(world.broker.requests).toEqual([]);
        expect(await world.send({ ...signed, form: { charge: 'ch_2' }, approval })).toMatchObject({ status: 200 });
        expect(world.broker.requests.map(({ url }) => url.href)).toEqual([auth.tokenUrl, refund.url]);
      });
    },
  );

  test('an approval of a run without a signing scheme is not for a request with one', async () => {
    const world = await ApprovalWorld.create({ allowed_approval: 'run 5 /**', allowed_in: 'header, auth' });
    const approval = await world.allowed();
    const auth = { type: 'basic', user: 'me', password: '{{anima://prod/key}}' } as const;
    expect(await code(world.send({ ...refund, headers: {}, auth, approval }))).toBe('approval_mismatch');
    expect(await world.send({ ...refund, approval })).toMatchObject({ status: 200 });
  });

  test('the narrower of two rules counts: one request, unless both say the same', async () => {
    const world = await ApprovalWorld.create({ allowed_approval: 'time 5 /**' });
    const metadata = { allowed_hosts: 'api.stripe.com', allowed_approver: ann };
    await world.broker.vault.set('prod/other', `${secret}2`, {
      metadata: { ...metadata, allowed_approval: 'time 2 /**' },
    });
    const both = { ...refund, query: { key: '{{anima://prod/other}}' } };
    const { id } = await world.ask(both);
    expect((await world.question(id)).facts.scope).toEqual({ kind: 'time', path: '/**', uses: 2 });
    await world.broker.vault.set('prod/other', `${secret}3`, { metadata });
    world.broker.pass(300_000);
    const once = await world.ask(both);
    expect((await world.question(once.id)).facts.scope).toEqual({ kind: 'once' });
    await world.broker.vault.set('prod/other', `${secret}4`, { metadata: { ...metadata, allowed_approver: bob } });
    expect(await code(world.send(both))).toBe('use_refused');
  });

  test.each([
    { allowed_approval: 'each', allowed_approver: 'Ann' },
    { allowed_approval: 'often' },
    { allowed_approval: 'run 0 /v1' },
    { allowed_approval: 'run 1001 /v1' },
    { allowed_approval: 'run 5 v1' },
    { allowed_approval: 'time 5 /a, /b' },
  ])('a value with the rules %j cannot be used', async (rules) => {
    const world = await ApprovalWorld.create(rules);
    expect(await code(world.send())).toBe('use_refused');
    expect(world.store.approvals.size).toBe(0);
  });
});

describe('outcomes', () => {
  const failing = (stage: 'address' | 'connection' | 'exchange') => () => {
    throw new OutboundRequestError('broken', stage);
  };

  test('a use whose outcome is unknown is not repeated, and the next question says so', async () => {
    const world = await ApprovalWorld.create({}, failing('exchange'));
    const approval = await world.allowed();
    expect(await code(world.send(again(approval)))).toBe('upstream_failed');
    expect(await code(world.send(again(approval)))).toBe('approval_uncertain');
    expect(world.broker.requests).toHaveLength(1);
    const next = await world.ask();
    expect((await world.question(next.id)).earlier).toBe(approval.id);
    world.broker.pass(300_000);
    const third = await world.ask();
    expect((await world.question(third.id)).earlier).toBe(approval.id);
  });

  test.each(['address', 'connection'] as const)(
    'a failure of the %s sent nothing, so the approval holds',
    async (stage) => {
      let isBroken = true;
      const world = await ApprovalWorld.create({}, () => (isBroken ? failing(stage)() : { body: 'done' }));
      const approval = await world.allowed();
      expect(await code(world.send(again(approval)))).toMatch(/^(upstream_failed|destination_refused)$/);
      isBroken = false;
      expect(await world.send(again(approval))).toMatchObject({ status: 200, body: 'done' });
      expect(await code(world.send(again(approval)))).toBe('approval_used');
    },
  );

  test.each([
    ['fails', 500, 'upstream_failed', 'approval_uncertain'],
    ['refuses the value', 401, 'credential_refused', 'approval_used'],
  ])('a token endpoint that %s has the value: one approval sends it once', async (_, status, first, then) => {
    const body = status === 401 ? '{"error":"invalid_client"}' : '';
    const world = await ApprovalWorld.create({ allowed_token_hosts: 'other.example.com' }, () => ({ status, body }));
    const request = {
      ...{ url: refund.url, method: 'POST' as const },
      auth: {
        ...{ type: 'oauth2-client-credentials' as const, tokenUrl: 'https://other.example.com/token' },
        ...{ clientId: 'one', clientSecret: 'anima://prod/key' },
      },
    };
    const approval = await world.allowed(request);
    expect(await code(world.send({ ...request, approval }))).toBe(first);
    expect(await code(world.send({ ...request, approval }))).toBe(then);
    expect(world.broker.requests.map(({ url }) => url.host)).toEqual(['other.example.com']);
  });

  test('a function that stopped in between leaves an unknown outcome', async () => {
    const world = await ApprovalWorld.create();
    const approval = await world.allowed();
    world.store.losesEnds = true;
    expect(await world.send(again(approval))).toMatchObject({ status: 200 });
    expect(await code(world.send(again(approval)))).toBe('approval_pending');
    world.broker.pass(30_001);
    expect(await code(world.send(again(approval)))).toBe('approval_uncertain');
    expect(world.broker.requests).toHaveLength(1);
  });

  test('a start whose reply was lost is found again', async () => {
    const world = await ApprovalWorld.create();
    const approval = await world.allowed();
    world.store.losesReply = true;
    expect(await world.send(again(approval))).toMatchObject({ status: 200 });
    expect(world.broker.requests).toHaveLength(1);
  });
});

describe('one open question for each key', () => {
  test('and for all keys of a login, which gives an agent as many as it wants', async () => {
    const world = await ApprovalWorld.create({}, () => {
      throw new OutboundRequestError('broken', 'exchange');
    });
    const call = (at: number, login = 'l'.repeat(16)) => ({
      ...{ keyId: `key${at}`.padEnd(16, '0'), login, agent: 'bot', run: `run-${at}` },
    });
    const other = (at: number) => ({ ...refund, form: { amount: String(at) } });
    const first = await world.ask(other(1), call(1));
    for (let at = 2; at < 10; at++) expect(await code(world.send(other(at), call(at)))).toBe('approval_pending');
    expect(await world.ask(other(2), call(2, 'm'.repeat(16)))).toBeDefined();
    // Nor does another key hide that the outcome of a use is unknown.
    await world.answer(first.id, 'yes');
    expect(await code(world.send({ ...other(1), approval: first }, call(1)))).toBe('upstream_failed');
    const next = await world.ask(other(3), call(3));
    expect((await world.question(next.id)).earlier).toBe(first.id);
  });

  test('another request waits; the same one again replaces the question', async () => {
    const world = await ApprovalWorld.create();
    const first = await world.ask();
    const other = { ...refund, form: { amount: '1' } };
    await expect(world.send(other)).rejects.toMatchObject({
      code: 'approval_pending',
      extras: { retryAfterSeconds: 300 },
    });
    await expect(world.send()).rejects.toMatchObject({ code: 'approval_pending', extras: { retryAfterSeconds: 10 } });
    expect(await world.ask(other, { keyId: 'otherkeyotherkey', agent: '', run: '' })).toBeDefined();
    world.broker.pass(10_000);
    const second = await world.ask();
    expect(second.id).not.toBe(first.id);
    expect(await code(world.send(again(first)))).toBe('approval_expired');
    expect(await code(world.answer(first.id, 'yes'))).toBe('approval_expired');
    expect([...world.store.questions.keys()].some((id) => id.endsWith(first.id))).toBe(false);
    await world.answer(second.id, 'yes');
    expect(await world.send(again(second))).toMatchObject({ status: 200 });
  });

  test('the key waits longer after each question without a yes, up to five minutes', async () => {
    const world = await ApprovalWorld.create();
    const waits: number[] = [];
    for (let round = 0; round < 7; round++) {
      const { id } = await world.ask();
      await world.answer(id, 'no');
      const error = await world.send().catch((refused) => refused);
      waits.push(error.extras.retryAfterSeconds);
      world.broker.pass(error.extras.retryAfterSeconds * 1000);
    }
    expect(waits).toEqual([10, 20, 40, 80, 160, 300, 300]);
    await world.allowed();
    expect(await world.ask({ ...refund, form: { amount: '1' } })).toBeDefined();
  });
});

test('nobody is asked if nobody can answer', async () => {
  const world = await ApprovalWorld.create();
  const { directory, phone, laptop, brokerId } = world;
  for (const { id } of [phone, laptop]) world.store.keys.delete(id);
  expect(await code(world.send())).toBe('approver_unavailable');
  const other = await ApprovalWorld.create();
  other.directory.append(other.directory.authority, {
    op: 'suspend',
    subject: other.brokerId,
    certificate: new Uint8Array(0),
  });
  // Nobody was asked, so the key need not wait.
  for (let round = 0; round < 2; round++) expect(await code(other.send())).toBe('approver_unavailable');
  expect(directory.state.devices.get(brokerId)?.status).toBe('active');
  expect([world.store.questions.size, other.store.questions.size]).toEqual([0, 0]);
});

test('the table has no handle, path, query, header, body, reason or value', async () => {
  const world = await ApprovalWorld.create();
  const request = {
    ...refund,
    url: 'https://api.stripe.com/v1/pathcanary',
    query: { one: 'querycanary' },
    form: { amount: 'bodycanary' },
    headers: { ...refund.headers, 'x-canary': 'headercanary' },
    approval: { reason: 'reasoncanary' },
  };
  const approval = await world.allowed(request);
  const stored = JSON.stringify([...world.store.approvals.values(), ...world.store.questions.values()], (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  );
  expect(stored).toContain('api.stripe.com');
  for (const text of ['canary', secret, approval.handle, Buffer.from(approval.handle, 'base64url').toString('latin1')])
    expect(stored).not.toContain(text);
  expect(hostOf(request.url)).toBe('api.stripe.com');
});
