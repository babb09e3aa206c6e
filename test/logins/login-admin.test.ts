import { beforeEach, describe, expect, test } from 'vitest';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import type { Caller } from '../../lambdas/api-keys/api-key-ports.ts';
import { effectivePermissions } from '../../lambdas/api-keys/permissions.ts';
import { issuerProblem } from '../../lambdas/logins/issuer-rules.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { github, InMemoryIssuer } from './fake-issuer.ts';
import { createInMemoryLogins } from './in-memory-logins.ts';

let world: ReturnType<typeof createInMemoryLogins>;
beforeEach(() => {
  world = createInMemoryLogins(new InMemoryIssuer([]));
});

const oidc = { issuer: github, claims: { repository_id: '74' } };

describe('an issuer and its claims', () => {
  test.each([
    ['GitHub without an id', github, { repository: 'octo-org/octo-repo', sub: 'repo:octo-org/octo-repo:ref:x' }],
    ['GitHub of an enterprise without an id', `${github}/octo`, { sub: 'x' }],
    ['GitLab without an id', 'https://gitlab.com', { project_path: 'my-group/my-project', sub: 'x' }],
    ['Google without an id', 'https://accounts.google.com', { email: 'a@example.com' }],
    ['Microsoft without a tenant', 'https://login.microsoftonline.com/common/v2.0', { oid: 'x' }],
    ['Microsoft at its root', 'https://login.microsoftonline.com', { oid: 'x' }],
    ['Vercel without an id', 'https://oidc.vercel.com', { sub: 'owner:acme:project:site:environment:production' }],
    ['Vercel of a team without an id', 'https://oidc.vercel.com/acme', { sub: 'x', environment: 'production' }],
    ['a known issuer with a slash at its end', 'https://gitlab.com/', { sub: 'x' }],
    ['a known issuer in capitals', 'https://GITLAB.com', { project_id: '1' }],
    ['Microsoft in capitals', 'https://LOGIN.microsoftonline.com/common/v2.0', { oid: 'x' }],
    ['the port that is usual', 'https://issuer.example:443', { sub: 'x' }],
    ['a path that is rewritten', 'https://issuer.example/a/./b', { sub: 'x' }],
    ['an unknown issuer without an id', 'https://issuer.example', { team: 'a' }],
    ['a registered claim', 'https://issuer.example', { sub: 'x', aud: 'y' }],
    ['an address of this machine', 'https://127.0.0.1', { sub: 'x' }],
    ['an address in another spelling', 'https://2130706433', { sub: 'x' }],
    ['the metadata service', 'https://169.254.169.254', { sub: 'x' }],
    ['http', 'http://issuer.example', { sub: 'x' }],
    ['http on this machine', 'http://127.0.0.1:8080', { sub: 'x' }],
    ['another port', 'https://issuer.example:8443', { sub: 'x' }],
    ['a name without a dot', 'https://localhost', { sub: 'x' }],
    ['a query', 'https://issuer.example/?a=b', { sub: 'x' }],
    ['a user', 'https://a@issuer.example', { sub: 'x' }],
  ])('is refused: %s', async (_, issuer, claims) => {
    const refused = await world.create({ role: 'agent', oidc: { issuer, claims } }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(VaultError);
    expect(refused).toMatchObject({ code: 'invalid_request' });
    expect(world.table.items.size).toBe(0);
  });

  test.each([
    ['https://oidc.vercel.com/acme', { owner_id: 'team_7Gw5ZMzpQA8h90F832KGp7nw' }],
    ['https://tenant.auth0.example/', { sub: 'x' }],
    ['https://issuer.example/Realms/Main', { sub: 'x' }],
  ] as const)('is accepted: %s', async (issuer, claims) => {
    expect(await world.create({ role: 'agent', oidc: { issuer, claims } })).toBeDefined();
  });

  test('on this machine is allowed in the local vault only', () => {
    const local = { issuer: 'http://127.0.0.1:8080', claims: { sub: 'x' } };
    expect(issuerProblem(local, true)).toBeUndefined();
    expect(issuerProblem(local, false)).toBeDefined();
    expect(issuerProblem({ ...local, issuer: 'http://issuer.example' }, true)).toBeDefined();
  });

  test('a key without its members is refused', async () => {
    const keys = [{ kty: 'RSA' as const, kid: 'a', n: 'AQAB' }];
    const request = { role: 'agent' as const, oidc: { issuer: 'https://issuer.example', claims: { sub: 'x' }, keys } };
    expect(await errorCodeOf(world.create(request))).toBe('invalid_request');
  });

  test('exactly one identity is given', async () => {
    const aws = { account: '123456789012', roleId: 'AROACKCEVSQ6C2EXAMPLE' };
    expect(await errorCodeOf(world.create({ role: 'agent' }))).toBe('invalid_request');
    expect(await errorCodeOf(world.create({ role: 'agent', oidc, aws }))).toBe('invalid_request');
  });
});

describe('a caller', () => {
  const callerWith = (change: Partial<Caller>): Caller => ({
    ...world.caller,
    ...effectivePermissions({ role: 'admin', prefixes: change.prefixes }),
    ...change,
  });

  test.each([
    ['more verbs', { verbs: ['keys.write', 'values.read'] as const }, {}],
    ['more names', { prefixes: ['prod/'] }, { prefixes: ['dev/'] }],
    ['all names', { prefixes: ['prod/'] }, {}],
    ['a longer life', { expiresAt: '2026-06-02T00:00:00.000Z' }, {}],
    ['a later end', { expiresAt: '2026-06-02T00:00:00.000Z' }, { expiresAt: '2026-06-03T00:00:00.000Z' }],
  ])('cannot create a login with %s than its own', async (_, own, request) => {
    const created = world.admin.create(callerWith(own), { role: 'agent', oidc, ...request });
    expect(await errorCodeOf(created)).toBe('forbidden');
  });

  test('with a key of a login cannot create one, which would outlive it', async () => {
    const origin = { login: randomId(), subject: 'x' };
    const created = world.admin.create(callerWith({ origin }), { role: 'agent', oidc });
    expect(await errorCodeOf(created)).toBe('forbidden');
  });

  test('that is limited to names sees and deletes only logins within them', async () => {
    const inside = await world.create({ role: 'agent', prefixes: ['prod/a/'], oidc });
    const outside = await world.create({ role: 'agent', oidc });
    const limited = callerWith({ prefixes: ['prod/'] });
    expect((await world.admin.list(limited, {})).logins.map(({ id }) => id)).toEqual([inside]);
    expect(await errorCodeOf(world.admin.delete(limited, outside))).toBe('forbidden');
    expect(await errorCodeOf(world.admin.delete(limited, randomId()))).toBe('login_not_found');
    expect(world.marks.markOf(world.org).ended).toEqual({});
    await world.admin.delete(limited, inside);
    expect(Object.keys(world.marks.markOf(world.org).ended)).toEqual([inside]);
  });
});

test('a login is listed as it was created, with its defaults', async () => {
  const id = await world.create({ role: 'reader', name: 'deploy', prefixes: ['prod/'], oidc });
  const [listed] = (await world.admin.list(world.caller, {})).logins;
  expect(listed).toEqual({
    id,
    role: 'reader',
    name: 'deploy',
    prefixes: ['prod/'],
    oidc,
    keySeconds: 900,
    createdAt: '2026-06-01T12:00:00.000Z',
    createdBy: world.caller.keyId,
  });
});

test('a missing login is ended too for a caller without limits, because its record could come back', async () => {
  const id = randomId();
  expect(await errorCodeOf(world.admin.delete(world.caller, id))).toBe('login_not_found');
  expect(Object.keys(world.marks.markOf(world.org).ended)).toEqual([id]);
});
