/** Somebody who can write the table of logins, but not use the KMS key (docs/workload-identity.md, section 8). */
import { beforeAll, describe, expect, test } from 'vitest';
import type { StoredLogin } from '../../lambdas/logins/login-ports.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { github, githubClaims, InMemoryIssuer, newSigningKey, type SigningKey, signToken } from './fake-issuer.ts';
import { createInMemoryLogins } from './in-memory-logins.ts';

let key: SigningKey;
beforeAll(async () => {
  key = await newSigningKey('key-1');
});

async function createWorld() {
  const world = createInMemoryLogins(new InMemoryIssuer([key]));
  const create = (role: 'reader' | 'agent') =>
    world.create({ role, oidc: { issuer: github, claims: { repository_id: '74' } } });
  const [login, other] = [await create('reader'), await create('agent')];
  const logIn = async (id = login) =>
    await errorCodeOf(world.process().oidc(id, await signToken(key, githubClaims(world.time.now, world.audience))));
  const item = (id = login): StoredLogin => world.table.items.get(`${world.org} ${id}`) ?? expect.fail('no login');
  const put = (stored: object, id = login) => void world.table.items.set(`${world.org} ${id}`, stored as StoredLogin);
  return { ...world, login, other, logIn, item, put };
}

describe('a writer of the table of logins', () => {
  test('cannot change any member of a login, nor its MAC: it is refused then, and gives no key', async () => {
    const { item, put, logIn, keys } = await createWorld();
    const { id, record = expect.fail('no record') } = item();
    const login = JSON.parse(record.login);
    const members = Object.keys(login);
    expect(members).toEqual(expect.arrayContaining(['id', 'role', 'oidc', 'keySeconds']));
    const changed = [
      ...members.map((name) => JSON.stringify({ ...login, [name]: undefined })),
      ...members.map((name) => JSON.stringify({ ...login, [name]: 'x' })),
      JSON.stringify({ ...login, role: 'admin' }),
      JSON.stringify({ ...login, oidc: { ...login.oidc, claims: { repository_id: '75' } } }),
      `${record.login} `,
      '',
    ].map((text) => ({ ...record, login: text }));
    const wrongMac = { ...record, mac: record.mac.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')) };
    for (const one of [...changed, wrongMac, { ...record, mac: '' }, undefined]) {
      put({ id, record: one });
      expect(await logIn(), JSON.stringify(one)).toBe('identity_refused');
    }
    expect(keys).toEqual([]);
    put({ id, record });
    await logIn().catch(() => undefined);
    expect(keys).toHaveLength(1);
  });

  test('cannot put a login in the place of another one, or of another org', async () => {
    const { item, put, logIn, other, keys, login } = await createWorld();
    put({ ...item(other), id: login });
    expect(await logIn()).toBe('identity_refused');
    const stranger = await createWorld();
    put({ ...stranger.item(), id: login });
    expect(await logIn()).toBe('identity_refused');
    expect(keys).toEqual([]);
  });

  test('cannot bring back a login that was deleted', async () => {
    const { item, put, logIn, login, admin, caller, keys } = await createWorld();
    const stored = item();
    await admin.delete(caller, login);
    put(stored);
    expect(await logIn()).toBe('identity_refused');
    expect(keys).toEqual([]);
  });

  test('can delete a login', async () => {
    const { table, org, login, logIn } = await createWorld();
    table.items.delete(`${org} ${login}`);
    expect(await logIn()).toBe('identity_refused');
  });
});
