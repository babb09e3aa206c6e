import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseUserKey } from '../../../core/users/user-key.ts';
import { Anima } from '../../../sdk/src/index.ts';
import {
  baseURL,
  clientOf,
  fakeFetch,
  json,
  owner,
  problem,
  rejectionOf,
  type SentRequest,
  secret,
  userClientOf,
  userKey,
} from '../fake-fetch.ts';

// Removes the random delay of retries.
beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const account = { ...owner, state: 'active', createdAt: '2026-11-21T03:00:00.000Z', slots: [] };
const slotId = '1111111111111111';

/** A vault with one user, who has one key. It can lose responses or temporarily refuse requests. */
class FakeAccount {
  key = userKey;
  /** The fault of each request, in order: none, the request is lost, or its response is lost. */
  readonly #troubles: string[];
  readonly seen: SentRequest[] = [];

  constructor(...troubles: ('' | 'request' | 'answer' | 'throttled')[]) {
    this.#troubles = troubles;
  }

  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const headers = Object.fromEntries(new Headers(init.headers));
    const body = typeof init.body === 'string' ? JSON.parse(init.body) : undefined;
    this.seen.push({ url: String(input), method: init.method ?? 'GET', headers, body });
    const trouble = this.#troubles.shift();
    if (trouble === 'request') throw new Error('reset');
    if (trouble === 'throttled') return new Response('<html>slow down</html>', { status: 403 });
    const answer = this.#answer(headers.authorization ?? '', body);
    if (trouble === 'answer') throw new Error('reset');
    return answer;
  };

  #answer(authorization: string, body: { newKey?: string } | undefined): Response {
    if (authorization !== `Bearer ${this.key}`) return problem('invalid_credential');
    this.key = body?.newKey ?? this.key;
    return json(account);
  }
}

describe('changeKey', () => {
  test('makes a key of the same user here, resolves to it when the vault has it, and goes on with it', async () => {
    const vault = new FakeAccount();
    const client = userClientOf(vault.fetch);
    const key = await client.account.changeKey();
    expect(key).toBe(vault.key);
    expect(key).not.toBe(userKey);
    expect(parseUserKey(key)).toMatchObject(owner);
    expect(parseUserKey(key)?.secret).not.toBe(secret);
    await client.account.info();
    expect(vault.seen.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${userKey}`, `Bearer ${key}`]);
    expect(await rejectionOf(userClientOf(vault.fetch).account.info())).toMatchObject({
      name: 'AuthenticationError',
      code: 'invalid_credential',
    });
  });

  test('keep is given the new key before anything is sent, and waited for', async () => {
    const vault = new FakeAccount();
    const kept: unknown[] = [];
    const keep = async (key: string) => {
      await Promise.resolve();
      kept.push(key, vault.seen.length);
    };
    const key = await userClientOf(vault.fetch).account.changeKey({ keep });
    expect(kept).toEqual([key, 0]);
    const stop = () => Promise.reject(new Error('disk full'));
    expect(await rejectionOf(userClientOf(vault.fetch).account.changeKey({ keep: stop }))).toMatchObject({
      message: 'disk full',
    });
    expect(vault.key).toBe(key);
  });

  test.each<[string, ConstructorParameters<typeof FakeAccount>]>([
    ['the request is lost', ['request']],
    ['the answer is lost', ['answer']],
    ['the answer is lost, then a proxy refuses the retry', ['answer', 'throttled']],
    ['the answer is lost, then the question by the new key is', ['answer', '', 'request']],
    ['every retry is lost but the last', ['request', 'answer', 'request', '']],
  ])('when %s, it still tells the key that the vault has', async (_title, troubles) => {
    const vault = new FakeAccount(...troubles);
    const client = userClientOf(vault.fetch);
    expect(await client.account.changeKey()).toBe(vault.key);
    expect(await client.account.info()).toMatchObject(owner);
  });

  test('when all stays unknown it rejects without the key, and the same call made again goes on with the same one', async () => {
    const vault = new FakeAccount('answer', 'request');
    const client = userClientOf(vault.fetch, { maxRetries: 0 });
    const kept: string[] = [];
    const error = await rejectionOf(client.account.changeKey({ keep: (key) => kept.push(key) }));
    expect(error).toMatchObject({ code: 'connection_failed', detail: expect.stringContaining('Call changeKey again') });
    expect(vault.key).toBe(kept[0]);
    const printed = inspect([error, client, client.account], { depth: 9, showHidden: true });
    expect(printed).not.toContain(parseUserKey(kept[0] ?? '')?.secret);
    expect(printed).not.toContain('anm_');

    expect(await client.account.changeKey({ keep: (key) => kept.push(key) })).toBe(vault.key);
    expect(kept).toEqual([vault.key, vault.key]);
    expect(await client.account.info()).toMatchObject(owner);
  });

  test('when the vault never had it, the old key goes on', async () => {
    const vault = new FakeAccount('request', 'request');
    const client = userClientOf(vault.fetch, { maxRetries: 0 });
    expect(await rejectionOf(client.account.changeKey())).toMatchObject({ code: 'connection_failed' });
    expect(vault.key).toBe(userKey);
    expect(await client.account.info()).toMatchObject(owner);
  });

  test('a key that is not valid any more is told as such', async () => {
    const vault = new FakeAccount();
    vault.key = 'another';
    expect(await rejectionOf(userClientOf(vault.fetch).account.changeKey())).toMatchObject({
      code: 'invalid_credential',
    });
  });
});

describe('the account', () => {
  test('of another user is no answer', async () => {
    const { account: own } = userClientOf(fakeFetch(json({ ...account, user: '0000000000000000' })).fetch);
    expect(await rejectionOf(own.info())).toMatchObject({ code: 'unexpected_response' });
  });

  test('is deleted only by who names it', async () => {
    const { fetch, seen } = fakeFetch(json({ deleted: true, deletedAt: account.createdAt }));
    const { account: own } = userClientOf(fetch);
    for (const confirm of ['', owner.org, undefined as unknown as string])
      expect(await rejectionOf(own.delete({ confirm }))).toMatchObject({ code: 'invalid_argument' });
    expect(seen).toEqual([]);
    expect(await own.delete({ confirm: owner.user })).toMatchObject({ deleted: true });
  });

  test('by a session is deleted only by who names it too', async () => {
    const { fetch, seen } = fakeFetch(json(account));
    const { account: own } = new Anima({ session: true, baseURL, fetch });
    expect(await rejectionOf(own.delete({ confirm: owner.org }))).toMatchObject({ code: 'invalid_argument' });
    expect(seen.map(({ method }) => method)).toEqual(['GET']);
  });

  test('has errors for what can be put right, by their own classes', async () => {
    const refused = (code: Parameters<typeof problem>[0]) => userClientOf(fakeFetch(problem(code)).fetch).account;
    const good = { login: 'ada', password: 'correct horse' };
    expect(await rejectionOf(refused('login_taken').setPassword(good))).toMatchObject({ name: 'ConflictError' });
    expect(await rejectionOf(refused('login_refused').setPassword(good))).toMatchObject({
      name: 'AuthenticationError',
    });
    expect(await rejectionOf(refused('last_slot').removePassword())).toMatchObject({ name: 'ConflictError' });
    expect(await rejectionOf(refused('slot_not_found').removeSlot(slotId))).toMatchObject({ name: 'NotFoundError' });
  });

  const typed = 'PASSWORD-that-nobody-may-see';
  test.each([
    ['a login with a space', { login: `a ${typed}`, password: 'correct horse' }],
    ['a short login', { login: 'ad', password: 'correct horse' }],
    ['a short password', { login: 'ada', password: 'PASSWOR' }],
    ['a long password', { login: 'ada', password: typed.repeat(10) }],
    ['a password that is no Unicode', { login: 'ada', password: `${typed}\ud800` }],
    ['a password that is none', { login: 'ada', password: undefined as unknown as string }],
    ['a present password that is no Unicode', { login: 'ada', password: typed, currentPassword: `${typed}\udc00` }],
  ])('%s is refused without a request, and not shown', async (_title, options) => {
    const { fetch, seen } = fakeFetch();
    const error = await rejectionOf(userClientOf(fetch).account.setPassword(options));
    expect(error).toMatchObject({ code: 'invalid_argument' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('PASSWOR');
    expect(seen).toEqual([]);
  });
});

describe('a session', () => {
  const login = { org: owner.org, login: 'ada', password: 'PASSWORD-of-ada' };
  const answer = json({ user: owner.user, expiresAt: '2026-11-28T03:00:00.000Z' });

  test('is asked for by password, then travels as a cookie that no script sees: no key, same origin only', async () => {
    vi.stubGlobal('location', { origin: 'https://app.test' });
    vi.stubEnv('ANIMA_KEY', userKey);
    const asked: RequestInit[] = [];
    const { fetch: answers, seen } = fakeFetch(answer, json(account), json({ ended: true }));
    const fetch: typeof globalThis.fetch = (input, init = {}) => {
      asked.push(init);
      return answers(input, init);
    };
    const client = new Anima({ session: true, fetch });
    expect(await client.account.logIn(login)).toMatchObject({ user: owner.user });
    await client.account.info();
    expect(await client.account.logOut()).toBe(true);
    expect(seen.map(({ url }) => url)).toEqual(
      ['sessions', 'account', 'sessions'].map((at) => `https://app.test/v1/${at}`),
    );
    expect(asked.map(({ credentials }) => credentials)).toEqual(Array(3).fill('same-origin'));
    for (const { headers } of seen) expect(headers).not.toHaveProperty('authorization');
    vi.unstubAllEnvs();
  });

  test('with a vault at another origin than the page, or beside a key, is refused', () => {
    vi.stubGlobal('location', { origin: 'https://app.test' });
    expect(() => new Anima({ session: true, baseURL: 'https://vault.test' })).toThrow(/origin of the page/);
    expect(() => new Anima({ session: true, apiKey: userKey })).toThrow(/give one/);
  });

  test('confirms by the password what it may not do alone; a body is sent only where one is given', async () => {
    const replies = [account, account, { code: '7H3K-9QWE-RTY2', expiresAt: account.createdAt }, account];
    const { fetch, seen } = fakeFetch(
      ...[...replies, { deleted: true, deletedAt: account.createdAt }].map((one) => json(one)),
    );
    const { account: own } = new Anima({ session: true, baseURL, fetch });
    const currentPassword = 'PASSWORD-1';
    await own.removeSlot(slotId);
    await own.removeSlot(slotId, { currentPassword });
    await own.startLink({ currentPassword });
    await own.removePassword({ currentPassword });
    expect(seen.map(({ body }) => body)).toEqual([undefined, ...Array(3).fill({ currentPassword })]);
    expect(seen.map(({ url }) => url).join()).not.toContain('PASSWORD');
    for (const odd of [7, 'x'.repeat(257), '\ud800']) {
      const error = await rejectionOf(own.removePassword({ currentPassword: odd as string }));
      expect(error).toMatchObject({ code: 'invalid_argument' });
    }
    expect(seen).toHaveLength(4);
  });

  test('is refused in one way whatever was wrong, and after too many attempts says when to come back', async () => {
    const { fetch, seen } = fakeFetch(
      problem('login_refused'),
      problem('too_many_attempts', {}, { 'retry-after': '0' }),
      answer,
      problem('too_many_attempts', {}, { 'retry-after': '600' }),
    );
    const { account: own } = new Anima({ session: true, baseURL, fetch });
    const refused = await rejectionOf(own.logIn(login));
    expect(refused).toMatchObject({ name: 'AuthenticationError', code: 'login_refused', retryable: false });
    expect(inspect(refused, { depth: 9, showHidden: true })).not.toContain('PASSWORD');
    // The client waits for less than a minute. For longer waits, the caller decides.
    expect(await own.logIn(login)).toMatchObject({ user: owner.user });
    expect(await rejectionOf(own.logIn(login))).toMatchObject({ name: 'RateLimitError', status: 429, retryAfter: 600 });
    expect(seen).toHaveLength(4);
  });
});

test('a user whose record is damaged is listed as such, without what can not be told of it', async () => {
  const damaged = { user: owner.user, state: 'damaged', slots: [] };
  const { fetch } = fakeFetch(json({ users: [damaged] }));
  const { users } = clientOf(fetch);
  for await (const user of users.list()) expect(user).toEqual(damaged);
  expect.assertions(1);
});

describe('who can open it', () => {
  const told = { ref: '', custody: 'user', state: 'stored', canOpen: [], cannotOpen: [] };

  test('is asked of the route for the kind of key, and an answer about another thing is none', async () => {
    const ref = `user:${owner.user}`;
    const { fetch, seen } = fakeFetch(json({ ...told, ref }));
    expect(await userClientOf(fetch).explain(ref)).toMatchObject({ ref });
    expect(await rejectionOf(userClientOf(fetch).explain('user:other'))).toMatchObject({ code: 'unexpected_response' });
    expect(seen[0]?.url).toBe(`${baseURL}/v1/account/explain?ref=user%3A${owner.user}`);
  });

  test.each(['', 'value:', 'secret:a', userKey, 'value:a b', `value:${'a'.repeat(501)}`])(
    '%j is no reference',
    async (ref) => {
      const { fetch, seen } = fakeFetch();
      const error = await rejectionOf(userClientOf(fetch).explain(ref));
      expect(error).toMatchObject({ code: 'invalid_argument' });
      expect(inspect(error)).not.toContain(secret);
      expect(seen).toEqual([]);
    },
  );
});
