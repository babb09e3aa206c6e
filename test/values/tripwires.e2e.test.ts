/** Tripwires: every read and use is marked in the audit and counted in the log, and no response shows it. */
import { describe, expect, test } from 'vitest';
import { fakeCredentialKinds, makeFakeCredential } from '../../cli/secrets/fake-credentials.ts';
import { useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();
const admin = () => stack.clientOf(stack.vault.adminKey);

let names = 0;
/** A tripwire, and a value that is none and otherwise the same. */
async function pair(): Promise<{ trap: string; plain: string }> {
  const [trap, plain] = [`trap/a-${names}`, `trap/b-${names++}`];
  const options = { metadata: { allowed_hosts: 'api.example.com' } };
  await stack.client.vault.set(trap, 'the same value', { ...options, tripwire: true });
  await stack.client.vault.set(plain, 'the same value', options);
  return { trap, plain };
}

/** What the audit has of a name: route, result and tripwires. The oldest record is first. */
async function recordsOf(name: string): Promise<unknown[]> {
  const all = await admin().audit.query({ name }).toArray();
  return all.map(({ route, result, tripwires }) => [route, result, tripwires]);
}

const get = (path: string) => stack.http('GET', path, { key: stack.vault.agentKey });
const post = (path: string, body: unknown) => stack.http('POST', path, { key: stack.vault.agentKey, body });

/** A response with everything that names, times and ids do not change. */
async function shapeOf(answer: Response, name: string): Promise<unknown> {
  const text = (await answer.text()).replaceAll(name, 'NAME');
  const body = text.replace(/"(createdAt|requestId|cursor)":"[^"]+"/g, '"$1":"x"');
  const headers = Object.fromEntries([...answer.headers].filter(([key]) => !/^(date|x-request-id|apigw)/.test(key)));
  // The tag has the time of the write.
  return [answer.status, body, { ...headers, etag: headers.etag?.replace(/-.*/, '') }];
}

const readers: Record<string, (name: string) => Promise<Response>> = {
  getValue: (name) => get(`/v1/vault/values/${name}`),
  getValues: (name) => post('/v1/vault/batch-get', { names: [name] }),
  fetch: (name) => post('/v1/fetch', { url: 'https://other.example.com', headers: { a: `{{anima://${name}}}` } }),
};

describe('a tripwire', () => {
  test.each(Object.keys(readers))(
    'answers %s like any value, and marks it in the audit and in the log',
    async (route) => {
      const read = readers[route] ?? expect.fail('no such route');
      const { trap, plain } = await pair();
      const [ofTrap, ofPlain] = [await read(trap), await read(plain)];
      const requestId = ofTrap.headers.get('x-request-id') ?? '';
      expect(await shapeOf(ofTrap, trap)).toEqual(await shapeOf(ofPlain, plain));
      const result = route === 'fetch' ? 'use_refused' : 'ok';
      expect((await recordsOf(trap)).at(-1)).toEqual([route, result, [trap]]);
      expect((await recordsOf(plain)).at(-1)).toEqual([route, result, undefined]);
      const lines = stack.vault.logs().split('\n');
      const [line] = lines.filter((one) => one.includes(requestId) && one.includes('"route"'));
      expect(JSON.parse(line?.slice(line.indexOf('{')) ?? '{}')).toMatchObject({ route, tripwires: 1 });
      expect(lines.some((one) => one.includes('"tripwires"') && one.includes(trap))).toBe(false);
    },
  );

  test('is not shown by lists, versions and writes, and their records have no mark', async () => {
    const { trap, plain } = await pair();
    const shapes = async (name: string) => [
      await shapeOf(await get(`/v1/vault/versions/${name}`), name),
      await shapeOf(await get(`/v1/vault/values?prefix=${name}`), name),
      await shapeOf(
        await stack.http('PUT', `/v1/vault/values/${name}`, { key: stack.vault.agentKey, body: { value: 'x' } }),
        name,
      ),
    ];
    expect(await shapes(trap)).toEqual(await shapes(plain));
    for (const [, , tripwires] of (await recordsOf(trap)) as [string, string, string[]?][])
      expect(tripwires).toBeUndefined();
  });

  test('is told apart by no other route, condition, limit or error of a caller that may read and write it', async () => {
    const put = (name: string, body: object, headers: Record<string, string> = {}) =>
      stack.http('PUT', `/v1/vault/values/${name}`, { key: stack.vault.agentKey, body, headers });
    // The largest metadata and value that are allowed.
    const full = Object.fromEntries(
      Array.from({ length: 16 }, (_, at) => [`${at}`.padStart(64, 'k'), 'é'.repeat(512)]),
    );
    const largest = { value: 'x'.repeat(65_536), metadata: full };
    const attempts: Record<string, (name: string) => Promise<Response>> = {
      'an earlier version that does not exist': (name) => get(`/v1/vault/values/${name}?version=9`),
      'a batch with a missing name': (name) => post('/v1/vault/batch-get', { names: ['missing', name] }),
      explain: (name) => stack.http('GET', `/v1/explain?ref=value:${name}`, { key: stack.vault.adminKey }),
      'a write that must create': (name) => put(name, { value: 'y' }, { 'if-none-match': '*' }),
      'a write of another version': (name) => put(name, { value: 'y', ifVersion: 7 }),
      'a write with the largest metadata': (name) => put(name, largest),
      'a repeated write': (name) => put(name, { value: 'y', writeId: 'w'.repeat(32) }),
      'the same write again': (name) => put(name, { value: 'y', writeId: 'w'.repeat(32) }),
      'another write with its id': (name) => put(name, { value: 'z', writeId: 'w'.repeat(32) }),
      'an earlier version': (name) => get(`/v1/vault/values/${name}?version=1`),
      'a list with a small page': (name) => get(`/v1/vault/values?prefix=${name}&limit=1`),
      'a request for the same name': (name) => post('/v1/secret-requests', { name, why: 'x' }),
      'a use without a rule': (name) =>
        post('/v1/fetch', { url: 'https://api.example.com', headers: { a: `{{anima://${name}?version=2}}` } }),
      'a deletion': (name) => stack.http('DELETE', `/v1/vault/values/${name}`, { key: stack.vault.agentKey }),
      'a read after it': (name) => get(`/v1/vault/values/${name}`),
    };
    const { trap, plain } = await pair();
    for (const [what, attempt] of Object.entries(attempts)) {
      const [ofTrap, ofPlain] = [await attempt(trap), await attempt(plain)];
      expect(await shapeOf(ofTrap, trap), what).toEqual(await shapeOf(ofPlain, plain));
    }
  });

  test('stays one with new values and for earlier versions, until a writer says otherwise or it is deleted', async () => {
    const { vault } = stack.client;
    const marks = async (name: string, version?: number) => {
      await vault.get(name, { version });
      return ((await recordsOf(name)).at(-1) as unknown[])[2];
    };
    const { trap, plain } = await pair();
    await vault.set(trap, 'next', {});
    await vault.setMany({ [trap]: 'and next' });
    expect(await marks(trap)).toEqual([trap]);
    await vault.set(trap, 'free', { tripwire: false });
    expect([await marks(trap), await marks(trap, 3)]).toEqual([undefined, [trap]]);
    await vault.set(plain, 'marked', { tripwire: true });
    expect([await marks(plain), await marks(plain, 1)]).toEqual([[plain], [plain]]);
    await vault.delete(plain);
    await vault.set(plain, 'new life');
    expect(await marks(plain)).toBeUndefined();
  });

  test('costs a get no further call', async () => {
    const { agentKey, adminKey } = await stack.newOrg();
    const { vault } = stack.clientOf(agentKey);
    await vault.set('trap', 'x', { tripwire: true });
    await vault.get('trap');
    stack.vault.calls.reset();
    await vault.get('trap');
    expect(stack.requestCalls()).toEqual(['dynamodb BatchGetItem', 'dynamodb PutItem']);
    const records = await stack.clientOf(adminKey).audit.query({ name: 'trap' }).toArray();
    expect(records.at(-1)).toMatchObject({ route: 'getValue', tripwires: ['trap'] });
  });
});

test('made-up credentials have the form of their provider, and no two are the same', () => {
  const forms = {
    random: /^[A-Za-z0-9]{40}$/,
    stripe: /^sk_live_51[A-Za-z0-9]{97}$/,
    aws: /^\[default\]\naws_access_key_id = AKIA[A-Z2-7]{16}\naws_secret_access_key = [A-Za-z0-9+/]{40}\n$/,
    github: /^ghp_[A-Za-z0-9]{36}$/,
  };
  for (const kind of fakeCredentialKinds) {
    const made = Array.from({ length: 50 }, () => makeFakeCredential(kind));
    for (const one of made) expect(one).toMatch(forms[kind]);
    expect(new Set(made).size).toBe(50);
  }
});
