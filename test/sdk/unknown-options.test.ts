/** Options that a method does not have are refused at run time too, before anything is sent, as TypeScript refuses them. */
import { describe, expect, test } from 'vitest';
import { Anima, type AnimaOptions, openBlob } from '../../sdk/src/index.ts';
import { apiKey, baseURL, fakeFetch, owner, rejectionOf, userKey } from './fake-fetch.ts';
import { callOptions, expectKnownOptions, methodsOf, type OptionRow, row } from './option-rows.ts';

const { fetch, seen } = fakeFetch(new Error('offline'));
const org = new Anima({ apiKey, baseURL, fetch });
const user = new Anima({ apiKey: userKey, baseURL, fetch });
const page = new Anima({ session: true, baseURL, fetch });

const id = '0123456789abcdef';
const blob = '01m7xpe6000123456789abcdef';
const link = `${baseURL}/b/${owner.org}${blob}ghjkmnpqrstvwxyz#${'A'.repeat(43)}`;
const expiry = { expiresAt: new Date(), expiresIn: 1 };
const value = { ...expiry, metadata: {}, ifVersion: 1, tripwire: true, writeId: 'w'.repeat(32) };
const newKey = { ...expiry, role: 'agent', name: 'n', prefixes: [], verbs: [] } as const;
const none = () => {};
const listed = { pageSize: 1, onDamaged: none };
const fernet = { apiKey: 'old', userId: 'u' };
const password = { currentPassword: 'p' };
const only = row<typeof callOptions>;

const rows: Record<string, OptionRow> = {
  explain: only((o) => org.explain('value:a', o), callOptions),
  'vault.set': row((o) => org.vault.set('a', 'v', o), { ...callOptions, ...value, custody: undefined as never }),
  'vault.get': row((o) => org.vault.get('a', o), { ...callOptions, version: 1 }),
  'vault.getWithInfo': row((o) => org.vault.getWithInfo('a', o), { ...callOptions, version: 1 }),
  'vault.list': row((o) => org.vault.list(o), { ...callOptions, ...listed, prefix: 'a/' }),
  'vault.delete': row((o) => org.vault.delete('a', o), { ...callOptions, ifVersion: 1, version: 1 }),
  'vault.destroy': row((o) => org.vault.destroy('a', o), { ...callOptions, confirm: 'a' }, { confirm: 'a' }),
  'vault.versions': row((o) => org.vault.versions('a', o), { ...callOptions, onDamaged: none }),
  'vault.fetch': row((o) => org.vault.fetch('https://example.com', o), {
    ...{ ...callOptions, method: 'GET' as const, headers: {}, query: {}, body: 'b', json: {} },
    ...{ auth: { type: 'basic', user: 'u', password: 'p' } as const, hostTimeout: 1, maxResponseBytes: 1 },
    ...{ approval: 'wait' as const, reason: 'r', onApproval: none },
  }),
  'vault.request': row(
    (o) => org.vault.request('a', o),
    { ...callOptions, why: 'w', expiresIn: 60, replace: true },
    { why: 'w' },
  ),
  'vault.getRules': only((o) => org.vault.getRules('a', o), callOptions),
  'vault.setRules': only((o) => org.vault.setRules('a', {}, o), callOptions),
  'vault.getMany': only((o) => org.vault.getMany(['a'], o), callOptions),
  'vault.setMany': only((o) => org.vault.setMany({ a: 'v' }, o), callOptions),
  'blobs.put': row((o) => org.blobs.put(new Uint8Array(1), o), {
    ...{ ...callOptions, type: 't', name: 'n', expiresIn: 1, maxOpens: 1, burn: true },
    ...{ onProgress: none, onState: none, resume: Object.assign(Object.create(null), { version: 1 }) },
  }),
  'blobs.get': row((o) => org.blobs.get(link, o), { ...callOptions, onProgress: none, burn: true }),
  'blobs.range': only((o) => org.blobs.range(link, 0, 1, o), callOptions),
  'blobs.look': only((o) => org.blobs.look(link, o), callOptions),
  'blobs.list': row((o) => org.blobs.list(o), { ...callOptions, ...listed }),
  'blobs.info': only((o) => org.blobs.info(blob, o), callOptions),
  'blobs.delete': only((o) => org.blobs.delete(blob, o), callOptions),
  'blobs.relink': only((o) => org.blobs.relink(blob, undefined, o), callOptions),
  'org.get': only((o) => org.org.get(o), callOptions),
  'org.rotate': only((o) => org.org.rotate(o), callOptions),
  'org.rotation': only((o) => org.org.rotation(o), callOptions),
  'org.shred': row((o) => org.org.shred(o), { ...callOptions, confirm: id, waitDays: 1 }, { confirm: id }),
  'org.cancelShred': only((o) => org.org.cancelShred(o), callOptions),
  'org.shredStatus': only((o) => org.org.shredStatus(o), callOptions),
  'keys.create': row((o) => org.keys.create(o), { ...callOptions, ...newKey }),
  'keys.list': row((o) => org.keys.list(o), { ...callOptions, pageSize: 1 }),
  'keys.rotate': row((o) => org.keys.rotate(id, o), { ...callOptions, overlapSeconds: 60 }),
  'keys.revoke': only((o) => org.keys.revoke(id, o), callOptions),
  'logins.create': row((o) => org.logins.create(o), {
    ...{ ...callOptions, ...newKey, keySeconds: 60 },
    ...{ oidc: { issuer: 'https://example.com', audience: 'a', claims: {} }, aws: { role: 'r' } as never },
  }),
  'logins.list': row((o) => org.logins.list(o), { ...callOptions, pageSize: 1 }),
  'logins.delete': only((o) => org.logins.delete(id, o), callOptions),
  'audit.query': row((o) => org.audit.query(o), {
    ...{ ...callOptions, from: new Date(0), to: new Date(0), principal: 'p', name: 'n', pageSize: 1 },
    verb: 'values.read' as const,
  }),
  'audit.export': only((o) => org.audit.export(o), callOptions),
  'users.create': only((o) => org.users.create(o), callOptions),
  'users.list': row((o) => org.users.list(o), { ...callOptions, pageSize: 1 }),
  'users.delete': only((o) => org.users.delete(id, o), callOptions),
  'memory.add': row((o) => user.memory.add(1, o), { ...callOptions, id: 'a' }),
  'memory.addMany': row((o) => user.memory.addMany([{ data: 1 }], o), { ...callOptions, onResult: none }),
  'memory.get': only((o) => user.memory.get('a', o), callOptions),
  'memory.list': row((o) => user.memory.list(o), { ...callOptions, ...listed }),
  'memory.delete': only((o) => user.memory.delete('a', o), callOptions),
  'memory.replace': row((o) => user.memory.replace('a', 1, o), {
    ...callOptions,
    ifVersion: 1,
    writeId: 'w'.repeat(32),
  }),
  'memory.search': row((o) => user.memory.search('t', o), { ...callOptions, onDamaged: none, onProgress: none }),
  'memory.upsert': row(
    (o) => user.memory.upsert(1, o),
    {
      ...{ ...callOptions, ...expiry, id: 'a', key: 'k', namespace: ['n'], index: ['i'], embedding: [1], ifVersion: 1 },
      writeId: 'w'.repeat(32),
    },
    { id: 'a' },
  ),
  'memory.find': row((o) => user.memory.find(o), {
    ...{ ...callOptions, ...listed, namespace: ['n'], key: 'k', filter: {}, words: 'w', text: 't' },
    ...{ near: { vector: [1] }, onProgress: none },
  }),
  'memory.export': row((o) => user.memory.export(o), { ...callOptions, onDamaged: none }),
  'memory.importFernet': row(
    (o) => user.memory.importFernet('', o),
    { ...callOptions, ...fernet, onLine: none },
    fernet,
  ),
  'memory.exportFernet': row(
    (o) => user.memory.exportFernet(o),
    { ...callOptions, ...fernet, onDamaged: none },
    fernet,
  ),
  'memory.messages': row((o) => user.memory.messages(o), { ...callOptions, ...listed }),
  'account.info': only((o) => user.account.info(o), callOptions),
  'account.changeKey': row((o) => user.account.changeKey(o), { ...callOptions, keep: none }),
  'account.setPassword': row(
    (o) => user.account.setPassword(o),
    { ...callOptions, ...password, login: 'ada', password: 'correct horse' },
    { login: 'ada', password: 'correct horse' },
  ),
  'account.removePassword': row((o) => user.account.removePassword(o), { ...callOptions, ...password }),
  'account.startLink': row((o) => user.account.startLink(o), { ...callOptions, ...password }),
  'account.removeSlot': row((o) => user.account.removeSlot(id, o), { ...callOptions, ...password }),
  'account.delete': row(
    (o) => user.account.delete(o),
    { ...callOptions, ...password, confirm: owner.user },
    { confirm: owner.user },
  ),
  'account.logIn': row(
    (o) => page.account.logIn(o),
    { ...callOptions, org: id, login: 'ada', password: 'p' },
    { org: id, login: 'ada', password: 'p' },
  ),
  'account.logOut': only((o) => page.account.logOut(o), callOptions),
};

/** Methods without options. */
const withoutOptions = ['toJSON'];

/** Methods of `memory.namespace`, whose options are those of `memory`. */
const place = user.memory.namespace('n');
const namespaceRows: Record<string, OptionRow> = {
  put: row((o) => place.put('k', 1, o), {
    ...{ ...callOptions, ...expiry, index: ['i'], embedding: [1], ifVersion: 1, writeId: 'w'.repeat(32) },
  }),
  get: only((o) => place.get('k', o), callOptions),
  delete: only((o) => place.delete('k', o), callOptions),
  find: row((o) => place.find(o), {
    ...{ ...callOptions, ...listed, filter: {}, words: 'w', text: 't', near: { vector: [1] }, onProgress: none },
  }),
};

const methods = [
  ...methodsOf(Anima.prototype, ...withoutOptions),
  ...Object.entries(org)
    .filter(([, part]) => typeof part === 'object')
    .flatMap(([name, part]) =>
      methodsOf(Object.getPrototypeOf(part), 'findRequest').map((method) => `${name}.${method}`),
    )
    .filter((name) => name !== 'memory.namespace'),
];

describe('an option that a method does not have', () => {
  test('is tried with every method of the client', () => {
    expect(Object.keys(rows).sort()).toEqual(methods.sort());
  });

  test('is tried with every method of a namespace', () => {
    expect(methodsOf(Object.getPrototypeOf(place))).toEqual(Object.keys(namespaceRows).sort());
  });

  const named = Object.entries(namespaceRows).map(([name, one]) => [`namespace.${name}`, one] as const);
  test.each([...Object.entries(rows), ...named])(
    'is refused by %s, which names the nearest one and knows all of its own',
    (_, one) => expectKnownOptions(one),
  );

  test('is refused by the client itself, and by openBlob', async () => {
    const make = row<AnimaOptions>((options) => new Anima(options), {
      ...{ ...callOptions, apiKey, login: 'x', identity: 'aws', session: false, baseURL, fetch, userAgent: 'u' },
    });
    const { login: _, ...all } = make.all as AnimaOptions;
    await expectKnownOptions({ ...make, all, required: { apiKey, baseURL } });
    await expectKnownOptions({ ...make, all: { session: true }, required: { session: true, baseURL } });
    const get = { ...callOptions, onProgress: none, burn: true };
    await expectKnownOptions(row((options) => openBlob(link, options), { ...get, fetch, userAgent: 'u' }, { fetch }));
  });

  test('is refused in an item of a batch and in a file of a set', async () => {
    const item = { name: 'a', value: 'v', ifversion: 1 };
    expect(await rejectionOf(org.vault.setMany([item]))).toMatchObject({
      detail: expect.stringContaining('ifVersion'),
    });
    const file = { content: new Uint8Array(1), nmae: 'x' };
    expect(await rejectionOf(org.blobs.put([file]))).toMatchObject({ detail: expect.stringContaining('"name"') });
    const { failures } = await user.memory.addMany([Object.assign({ data: 1 }, { Id: 'a' })]);
    expect(failures).toMatchObject([{ error: { detail: expect.stringContaining('"id"') } }]);
  });

  test('is not repeated if it could be a secret, nor are options that are no object', async () => {
    const before = seen.length;
    const secret = 'sk_live_51Habcdefghijklmnopqrstuv';
    for (const options of [{ [secret]: 1 }, secret, [secret]]) {
      const refused = await rejectionOf(org.vault.get('a', options as never));
      expect(refused).toMatchObject({ code: 'invalid_argument' });
      expect(String(Reflect.get(Object(refused), 'detail'))).not.toContain(secret);
    }
    expect(seen.length).toBe(before);
  });
});

test('a rule that does not exist is refused before anything is sent, because a limit would be missing', async () => {
  const before = seen.length;
  for (const rules of [
    { host: ['a.example'] },
    { hosts: ['a.example'], method: ['GET'] },
    { aprover: id },
  ] as object[]) {
    expect(await rejectionOf(org.vault.setRules('a', rules))).toMatchObject({
      code: 'invalid_argument',
      detail: expect.stringContaining('the nearest is "'),
    });
  }
  expect(seen.length).toBe(before);
});
