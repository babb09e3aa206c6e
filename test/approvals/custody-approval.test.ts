/** Values of custody `approval` in a request, over in-memory stores: who opens them, and what the service has then. */
import { beforeEach, describe, expect, test } from 'vitest';
import { ruleEntries } from '../../contract/broker/usage-rules.ts';
import type { AskedApproval, FetchRequest } from '../../contract/broker/wire.ts';
import { signAnswer } from '../../core/approvals/answer.ts';
import { sharesForAnswer } from '../../core/approvals/answer-shares.ts';
import type { PersonKey } from '../../core/approvals/person-key.ts';
import { sealApprovalValue } from '../../core/approvals/sealed-value.ts';
import { sharesHash } from '../../core/approvals/shares.ts';
import { rulesHash, statementHash } from '../../core/approvals/statement.ts';
import { utf8Bytes } from '../../core/encoding/bytes.ts';
import { dhKeyOf, newDhSecret } from '../../core/sessions/device-secrets.ts';
import { isMalformed } from '../../lambdas/shared/ports.ts';
import { decryptValue } from '../../lambdas/values/value-encryption.ts';
import { ann, bob } from '../core/directory/directory-simulator.ts';
import { errorCodeOf as code } from '../shared/in-memory-stores.ts';
import { ApprovalWorld, type Approver, refund, secret } from './approval-world.ts';

const rules = { allowed_hosts: 'api.stripe.com', allowed_approver: ann };

class CustodyWorld extends ApprovalWorld {
  readonly #secret = newDhSecret();

  get personKey(): PersonKey {
    const key = {
      org: this.org,
      person: ann,
      epoch: 1,
      key: dhKeyOf(this.#secret),
      edition: 1,
      wraps: [],
      earlier: [],
    };
    return { ...key, device: this.phone.id, time: this.now, head: this.directory.state.head };
  }

  /** Sets a value, as a client does that knows the key of the person. */
  async set(name: string, text: string, version = 1, more: Record<string, string> = {}): Promise<void> {
    const metadata = { custody: 'approval', ...rules, ...more };
    const binding = { org: this.org, name, version, rulesHash: rulesHash(ruleEntries(metadata)) };
    const value = await sealApprovalValue(binding, this.personKey, utf8Bytes(text));
    await this.broker.vault.set(name, value, { metadata });
  }

  /** What a device sends with the answer yes. */
  async yes(id: string, device: Approver = this.phone) {
    const question = await this.question(id, device);
    expect(this.judge(question, device)).toBeUndefined();
    const shares = await sharesForAnswer(question, device.id, this.personKey, this.#secret.slice());
    const answer = signAnswer(
      {
        ...{ org: this.org, approval: id, statementHash: statementHash(question.statement), device: device.id },
        ...{ decision: 'yes', time: this.now, head: this.directory.state.head, sharesHash: sharesHash(shares) },
      },
      device.ik,
    );
    return { answer: Buffer.from(answer).toString('base64'), shares: Buffer.from(shares).toString('base64') };
  }

  async allow(id: string): Promise<void> {
    await this.answers.answer(this.signer(this.phone), id, await this.yes(id));
  }
}

const again = (approval: AskedApproval, request: FetchRequest = refund): FetchRequest => ({ ...request, approval });
const storedText = (world: CustodyWorld) =>
  JSON.stringify([...world.store.approvals.values(), ...world.store.pointers.values()], (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  );

let world: CustodyWorld;
beforeEach(async () => {
  world = new CustodyWorld();
  await world.set('prod/key', secret);
});

test('set, ask, answer with shares: the host receives the value, and the agent never sees it', async () => {
  const approval = await world.ask();
  expect(world.broker.requests).toEqual([]);
  await world.allow(approval.id);
  const response = await world.send(again(approval));
  expect(response).toMatchObject({ status: 200 });
  expect(world.broker.requests).toHaveLength(1);
  expect(world.broker.requests[0]?.headers.get('authorization')).toBe(`Bearer ${secret}`);
  expect(JSON.stringify(response)).not.toContain(secret);
});

test('a host that repeats the value shows it to nobody', async () => {
  world = new CustodyWorld(({ headers }) => ({ body: `you sent ${headers.get('authorization')}` }));
  await world.set('prod/key', secret);
  const approval = await world.ask();
  await world.allow(approval.id);
  const response = await world.send(again(approval));
  expect(JSON.stringify(response)).not.toContain(secret);
  expect(response).toMatchObject({ body: expect.stringContaining('<concealed by anima>') });
});

test('the use removes shares and secret, and the audit has the hash of the shares only', async () => {
  const approval = await world.ask();
  await world.allow(approval.id);
  const before = world.store.approvals.get(approval.id);
  const shares = before?.shares ?? expect.fail('no shares');
  expect(before?.secret).toMatch(/^enc:v1:/);
  await world.send(again(approval));
  const after = world.store.approvals.get(approval.id);
  expect([after?.shares, after?.secret]).toEqual([undefined, undefined]);
  const proof = JSON.stringify(world.broker.started);
  expect(proof).not.toContain(Buffer.from(shares).toString('base64'));
  expect(Buffer.from(after?.answer ?? '').includes(Buffer.from(sharesHash(shares)))).toBe(true);
  expect(storedText(world)).not.toContain(secret);
});

test('a recorded answer without the handle opens nothing, also with all keys of the service', async () => {
  const approval = await world.ask();
  await world.allow(approval.id);
  const recorded = world.store.approvals.get(approval.id) ?? expect.fail('no approval');
  const handle = Buffer.alloc(32, 7).toString('base64url');
  expect(await code(world.send(again({ ...approval, handle })))).toBe('approval_not_found');
  // The operator changes the code: the gate no longer compares the handle with its hash.
  const { openStoredShares } = await import('../../lambdas/approvals/approval-gate.ts');
  const { requestSecrets } = await import('../../lambdas/broker/request-secrets.ts');
  const { readAnswer } = await import('../../core/approvals/answer.ts');
  const { parseStatement } = await import('../../core/approvals/statement.ts');
  const facts = parseStatement(recorded.statement) ?? expect.fail('no statement');
  const answer = (recorded.answer && readAnswer(recorded.answer)) ?? expect.fail('no answer');
  const secrets = requestSecrets(await world.broker.vault.keys());
  const open = (of: string) => openStoredShares({ secrets }, { stored: recorded, facts }, answer, of);
  expect(await code(open(handle))).toBe('decryption_failed');
  expect(await open(approval.handle)).toHaveLength(1);
});

test('the KMS key and all tables give no value of custody approval, and each of custody org', async () => {
  await world.broker.vault.set('prod/open', secret);
  const keys = await world.broker.vault.keys();
  const opened = new Map<string, string>();
  for (const [name, stored] of world.broker.vault.stores.items)
    if (!isMalformed(stored)) opened.set(name, await decryptValue(keys, name, stored));
  expect(opened.get('prod/open')).toBe(secret);
  expect(opened.get('prod/key')).toMatch(/^anima:approval:v1:/);
  expect(opened.get('prod/key')).not.toContain(secret);
});

describe('an answer', () => {
  test('without its shares, with others, or with shares that it does not name is refused', async () => {
    const { id } = await world.ask();
    const { answer, shares } = await world.yes(id);
    const other = Buffer.from(shares, 'base64');
    other[40] = (other[40] ?? 0) ^ 1;
    const signer = world.signer(world.phone);
    for (const body of [{ answer }, { answer, shares: other.toString('base64') }])
      expect(await code(world.answers.answer(signer, id, body))).toBe('answer_refused');
    const bare = Buffer.from(world.signed(id, 'yes')).toString('base64');
    for (const body of [{ answer: bare }, { answer: bare, shares }])
      expect(await code(world.answers.answer(signer, id, body))).toBe('answer_refused');
    expect(world.store.approvals.get(id)?.answer).toBeUndefined();
    await world.answers.answer(signer, id, { answer, shares });
  });

  test('no needs no shares, and ends the approval', async () => {
    const approval = await world.ask();
    await world.answer(approval.id, 'no');
    expect(await code(world.send(again(approval)))).toBe('approval_denied');
  });

  test('whose shares were exchanged in the table opens nothing and counts nothing', async () => {
    const approval = await world.ask();
    await world.allow(approval.id);
    const { shares } = world.store.approvals.get(approval.id) ?? {};
    world.store.change(approval.id, { shares: shares?.map((byte, at) => (at === 50 ? byte ^ 1 : byte)) });
    expect(await code(world.send(again(approval)))).toBe('decryption_failed');
    expect([world.store.approvals.get(approval.id)?.uses, world.broker.requests.length]).toEqual([0, 0]);
  });

  test('with the share of another value opens nothing', async () => {
    await world.set('prod/other', 'another secret');
    const other = await world.ask(
      { ...refund, headers: { Authorization: '{{anima://prod/other}}' } },
      {
        ...{ keyId: 'otherkeyotherkey', agent: 'bot', run: 'run-1' },
      },
    );
    const approval = await world.ask();
    await world.allow(approval.id);
    const foreign = Buffer.from((await world.yes(other.id)).shares, 'base64');
    world.store.change(approval.id, { shares: foreign });
    expect(await code(world.send(again(approval)))).toBe('decryption_failed');
    expect(world.broker.requests).toEqual([]);
  });
});

describe('a use is refused', () => {
  test('a second time: one answer opens a value once', async () => {
    const approval = await world.ask();
    await world.allow(approval.id);
    await world.send(again(approval));
    expect(await code(world.send(again(approval)))).toBe('approval_used');
    world.store.change(approval.id, { uses: 0 });
    expect(await code(world.send(again(approval)))).toBe('approval_used');
    expect(world.broker.requests).toHaveLength(1);
  });

  test('after the value has a new version, or became one of custody org', async () => {
    const approval = await world.ask();
    await world.allow(approval.id);
    await world.set('prod/key', `${secret}2`, 2);
    expect(await code(world.send(again(approval)))).toBe('approval_mismatch');
    expect(world.broker.requests).toEqual([]);
  });

  test('for an access token, which the broker would keep', async () => {
    const tokenRules = { allowed_token_hosts: 'api.stripe.com' };
    await world.set('prod/client', 'client secret', 1, tokenRules);
    const auth = {
      ...{ type: 'oauth2-client-credentials' as const, tokenUrl: 'https://api.stripe.com/token', clientId: 'one' },
      clientSecret: 'anima://prod/client',
    };
    expect(await code(world.send({ url: refund.url, method: 'POST', auth }))).toBe('use_refused');
    expect(world.store.approvals.size).toBe(0);
  });

  test('if another person is asked than the one for whom the value is sealed', async () => {
    const stored = world.broker.vault.stores.stored('prod/key');
    const keys = await world.broker.vault.keys();
    const value = await decryptValue(keys, 'prod/key', stored);
    const { encryptVersion } = await import('../../lambdas/values/value-encryption.ts');
    const metadata = { custody: 'approval', ...rules, allowed_approver: bob };
    const info = { createdAt: '2026-06-01T12:00:00.000Z', metadata };
    if (keys.active === undefined) expect.fail('no DEK');
    const forged = { ...stored, ...encryptVersion(keys.active, 'prod/key', stored, info, value) };
    world.broker.vault.stores.items.set('prod/key', forged);
    expect(await code(world.send())).toBe('use_refused');
  });
});

test('an operator who changes the rules with the KMS key gets no share: the device opens it for the set rules only', async () => {
  const stored = world.broker.vault.stores.stored('prod/key');
  const keys = await world.broker.vault.keys();
  const value = await decryptValue(keys, 'prod/key', stored);
  const { encryptVersion } = await import('../../lambdas/values/value-encryption.ts');
  const metadata = { custody: 'approval', ...rules, allowed_hosts: 'other.example.com' };
  if (keys.active === undefined) expect.fail('no DEK');
  const info = { createdAt: '2026-06-01T12:00:00.000Z', metadata };
  const forged = { ...stored, ...encryptVersion(keys.active, 'prod/key', stored, info, value) };
  world.broker.vault.stores.items.set('prod/key', forged);
  const { id } = await world.ask({ ...refund, url: 'https://other.example.com/collect' });
  await expect(world.yes(id)).rejects.toMatchObject({ code: 'decryption_failed' });
});

test('values of both custodies go in one request, and only the sealed one needs a share', async () => {
  await world.broker.vault.set('prod/id', 'account-1234', { metadata: { allowed_hosts: 'api.stripe.com' } });
  const request = { ...refund, query: { account: '{{anima://prod/id}}' } };
  const approval = await world.ask(request);
  expect((await world.question(approval.id)).shares).toHaveLength(1);
  await world.allow(approval.id);
  expect(await world.send(again(approval, request))).toMatchObject({ status: 200 });
  expect(world.broker.requests[0]?.url.searchParams.get('account')).toBe('account-1234');
});
