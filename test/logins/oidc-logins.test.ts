import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { exportSPKI, importJWK } from 'jose';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseApiKey } from '../../core/api-keys/api-key.ts';
import { verifyApiKeyMac } from '../../core/api-keys/api-key-mac.ts';
import { IdentityRefusedError } from '../../lambdas/logins/identity-refusal.ts';
import { authenticationKeyOf } from '../records/in-memory-records.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import {
  azureClaims,
  github,
  githubClaims,
  gitlabClaims,
  googleClaims,
  InMemoryIssuer,
  kubernetesClaims,
  newSigningKey,
  type SigningKey,
  signToken,
} from './fake-issuer.ts';
import { createInMemoryLogins } from './in-memory-logins.ts';

let key: SigningKey;
let otherKey: SigningKey;
beforeAll(async () => {
  key = await newSigningKey('key-1');
  otherKey = await newSigningKey('key-2');
});

let issuer: InMemoryIssuer;
let world: ReturnType<typeof createInMemoryLogins>;
beforeEach(() => {
  issuer = new InMemoryIssuer([key]);
  world = createInMemoryLogins(issuer);
});

const base64url = (json: unknown) => Buffer.from(JSON.stringify(json)).toString('base64url');

/** Why a login was refused. */
async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'accepted';
  } catch (error) {
    if (!(error instanceof IdentityRefusedError)) throw error;
    expect(error.code).toBe('identity_refused');
    return error.reason;
  }
}

const githubLogin = (claims: Record<string, string> = { repository_id: '74' }) =>
  world.create({ role: 'agent', oidc: { issuer: github, claims } });

/** The refusal of a token of GitHub with some claims replaced. An undefined claim is left out. */
async function refusalWith(change: Record<string, unknown>, header: object = {}): Promise<string> {
  const login = await githubLogin({ repository_id: '74', environment: 'prod' });
  const claims = { ...githubClaims(world.time.now, world.audience), ...change };
  return await refusalOf(world.oidc(login, await signToken(key, claims, header)));
}

describe('a token that a login accepts', () => {
  test('gives a key with the permissions of the login, for fifteen minutes, with its origin under the MAC', async () => {
    const login = await world.create({
      role: 'agent',
      name: 'deploy',
      prefixes: ['prod/'],
      verbs: ['values.read'],
      oidc: { issuer: github, claims: { repository_id: '74' } },
    });
    const token = await signToken(key, githubClaims(world.time.now, world.audience));
    const given = await world.oidc(login, token);
    expect(given).toMatchObject({ role: 'agent', expiresAt: '2026-06-01T12:15:00.000Z' });
    expect(parseApiKey(given.key)).toMatchObject({ org: world.org, id: given.id });
    const [stored] = world.keys;
    if (stored === undefined) expect.fail('no key');
    const origin = { login, subject: 'repo:octo-org/octo-repo:environment:prod' };
    expect(stored).toMatchObject({ name: 'deploy', prefixes: ['prod/'], verbs: ['values.read'], origin });
    const authenticationKey = authenticationKeyOf(world.org);
    verifyApiKeyMac(authenticationKey, stored, stored.mac);
    for (const changed of [undefined, { ...origin, login: 'x' }, { ...origin, subject: 'x' }]) {
      expect(() => verifyApiKeyMac(authenticationKey, { ...stored, origin: changed }, stored.mac)).toThrow();
    }
    expect(world.accepted).toEqual([{ org: world.org, principal: `login:${login}`, ...origin }]);
    expect(JSON.stringify([stored, ...world.table.used])).not.toContain(token);
  });

  test('gives no key beyond the end of the login', async () => {
    const expiresAt = '2026-06-01T12:05:00.000Z';
    const oidc = { issuer: github, claims: { repository_id: '74' } };
    const login = await world.create({ role: 'agent', expiresAt, oidc, keySeconds: 3_600 });
    const again = async (jti: string) =>
      await world.oidc(login, await signToken(key, githubClaims(world.time.now, world.audience, jti)));
    expect((await again('a')).expiresAt).toBe(expiresAt);
    world.time.now = new Date(expiresAt);
    expect(await refusalOf(again('b'))).toBe('login_ended');
  });

  const documented = {
    GitHub: [githubClaims, { repository_id: '74', environment: 'prod' }],
    GitLab: [gitlabClaims, { project_id: '20', ref_protected: 'false', runner_id: '1' }],
    Google: [googleClaims, { sub: '113328421892842389475', email_verified: 'true' }],
    Azure: [azureClaims, { oid: '0ff9b0c5-2b3f-4a0c-8f02-9a5d8a5b6a3e' }],
  } as const;
  test.each(Object.entries(documented))('has the documented form of %s', async (_, [claimsOf, claims]) => {
    const token = claimsOf(world.time.now, world.audience);
    const login = await world.create({ role: 'agent', oidc: { issuer: String(token.iss), claims } });
    expect((await world.oidc(login, await signToken(key, token))).role).toBe('agent');
    const [name = ''] = Object.keys(claims);
    const wrong = { ...token, [name]: 'another' };
    expect(await refusalOf(world.oidc(login, await signToken(key, wrong)))).toBe('token_claims');
  });

  test('has the documented form of Kubernetes, with keys in the login and the id of the service account', async () => {
    const oidc = {
      issuer: 'https://kubernetes.default.svc.cluster.local',
      claims: { '/kubernetes.io/serviceaccount/uid': '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' },
      keys: [key.publicJwk as never],
    };
    const login = await world.create({ role: 'reader', oidc });
    const claims = kubernetesClaims(world.time.now, world.audience);
    const token = await signToken(key, claims, { typ: undefined });
    // The file of a token is used until it is replaced.
    for (let n = 0; n < 2; n++) expect((await world.oidc(login, token)).role).toBe('reader');
    const recreated = structuredClone(claims) as never as Record<string, { serviceaccount: { uid: string } }>;
    Object.assign(recreated['kubernetes.io']?.serviceaccount ?? {}, { uid: 'another' });
    expect(await refusalOf(world.oidc(login, await signToken(key, recreated)))).toBe('token_claims');
    expect(issuer.fetches).toBe(0);
  });
});

describe('a token that is refused', () => {
  test.each([
    ['another issuer', { iss: 'https://token.actions.githubusercontent.com/other' }, 'token_issuer'],
    ['no issuer', { iss: undefined }, 'token_issuer'],
    ['another audience', { aud: 'https://github.com/octo-org' }, 'token_audience'],
    ['the audience of another org', { aud: 'https://vault.example.com/0123456789abcdef' }, 'token_audience'],
    ['no audience', { aud: undefined }, 'token_audience'],
    ['another repository of the same name', { repository_id: '75' }, 'token_claims'],
    ['a claim that is missing', { environment: undefined }, 'token_claims'],
    ['a claim in a list', { environment: ['prod'] }, 'token_claims'],
    ['an expiry that has passed', { exp: Date.parse('2026-06-01T11:58:59Z') / 1000 }, 'token_time'],
    ['no expiry', { exp: undefined }, 'token_time'],
    ['an expiry as text', { exp: '9999999999' }, 'token_time'],
    ['a time in the future', { iat: Date.parse('2026-06-01T12:01:01Z') / 1000 }, 'token_time'],
    ['no time of issue', { iat: undefined }, 'token_time'],
    ['a start in the future', { nbf: Date.parse('2026-06-01T12:01:01Z') / 1000 }, 'token_time'],
    ['a life of days', { exp: Date.parse('2026-06-03T12:00:00Z') / 1000 }, 'token_time'],
    ['no id, where each token works once', { jti: undefined }, 'token_form'],
  ])('%s', async (_, change, reason) => {
    expect(await refusalWith(change)).toBe(reason);
    expect(world.keys).toEqual([]);
  });

  test('several audiences, also if one is that of the org', async () => {
    expect(await refusalWith({ aud: [world.audience, 'another'] })).toBe('token_audience');
    expect(await refusalWith({ aud: [world.audience] })).toBe('accepted');
    expect(await refusalWith({ aud: `https://page.example.com/${world.org}`, jti: 'b' })).toBe('accepted');
  });

  test.each([
    ['another type', { typ: 'logout+jwt' }, 'token_form'],
    ['no key id', { kid: undefined }, 'token_form'],
    ['an unknown key id', { kid: 'unknown' }, 'token_key'],
    ['an extension that must be understood', { crit: ['exp'], exp: 1 }, 'token_form'],
  ])('%s', async (_, header, reason) => {
    const login = await githubLogin();
    const claims = base64url(githubClaims(world.time.now, world.audience));
    const signed = await signToken(key, githubClaims(world.time.now, world.audience));
    const [, , signature] = signed.split('.');
    const token = `${base64url({ alg: 'RS256', kid: 'key-1', typ: 'JWT', ...header })}.${claims}.${signature}`;
    expect(await refusalOf(world.oidc(login, token))).toBe(reason);
  });

  test('no signature, and HS256 with the public key as secret, in every encoding', async () => {
    const login = await githubLogin();
    const claims = base64url(githubClaims(world.time.now, world.audience));
    for (const alg of ['none', 'None', 'NONE', '']) {
      expect(await refusalOf(world.oidc(login, `${base64url({ alg, kid: 'key-1' })}.${claims}.`))).toBe(
        'token_algorithm',
      );
    }
    const publicKey = (await importJWK(key.publicJwk, 'RS256')) as never;
    const secrets = [
      await exportSPKI(publicKey),
      JSON.stringify(key.publicJwk),
      Buffer.from(key.publicJwk.n ?? '', 'base64url'),
    ];
    for (const secret of secrets) {
      const input = `${base64url({ alg: 'HS256', kid: 'key-1', typ: 'JWT' })}.${claims}`;
      const token = `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
      expect(await refusalOf(world.oidc(login, token))).toBe('token_algorithm');
    }
    expect(world.table.reads).toBe(0);
  });

  test('an algorithm that is not pinned, although the issuer has such a key', async () => {
    const elliptic = await newSigningKey('key-1', 'ES256');
    issuer.keys = [elliptic, key];
    const login = await githubLogin();
    const token = await signToken(elliptic, githubClaims(world.time.now, world.audience));
    expect(await refusalOf(world.oidc(login, token))).toBe('token_algorithm');
    const oidc = { issuer: github, claims: { repository_id: '74' }, algorithms: ['ES256' as const] };
    const pinned = await world.create({ role: 'agent', oidc });
    expect(await refusalOf(world.oidc(pinned, token))).toBe('accepted');
  });

  test('a key that the token brings itself: jwk, jku, x5u and x5c are not looked at', async () => {
    const login = await githubLogin();
    const brought = { jwk: otherKey.publicJwk, jku: 'https://evil.example/jwks', x5u: 'https://evil.example/x5u' };
    const token = await signToken(otherKey, githubClaims(world.time.now, world.audience), { ...brought, kid: 'key-1' });
    expect(await refusalOf(world.oidc(login, token))).toBe('token_signature');
    const unlisted = await signToken(otherKey, githubClaims(world.time.now, world.audience), brought);
    expect(await refusalOf(world.oidc(login, unlisted))).toBe('token_key');
    expect(issuer.fetches).toBe(1);
  });

  test('any change of a byte', async () => {
    const login = await githubLogin();
    const token = await signToken(key, githubClaims(world.time.now, world.audience));
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 2), fc.constantFrom(...alphabet), async (at, character) => {
        fc.pre(token[at] !== '.' && token[at] !== character);
        const changed = token.slice(0, at) + character + token.slice(at + 1);
        expect(await refusalOf(world.oidc(login, changed))).not.toBe('accepted');
      }),
      { numRuns: 60 },
    );
    expect(await refusalOf(world.oidc(login, token))).toBe('accepted');
  });

  test('a second use, also in another process, and of the same id in another token', async () => {
    const login = await githubLogin();
    const token = await signToken(key, githubClaims(world.time.now, world.audience));
    await world.oidc(login, token);
    expect(await refusalOf(world.oidc(login, token))).toBe('identity_used');
    expect(await refusalOf(world.process().oidc(login, token))).toBe('identity_used');
    const same = await signToken(key, { ...githubClaims(world.time.now, world.audience), sha: 'x' });
    expect(await refusalOf(world.oidc(login, same))).toBe('identity_used');
    expect(world.keys).toHaveLength(1);
    expect(world.accepted).toHaveLength(4);
  });
});

describe('a login that does not exist any more', () => {
  const token = () => signToken(key, githubClaims(world.time.now, world.audience));

  test('is refused like one that never existed, although somebody puts its record back', async () => {
    const login = await githubLogin();
    const record = [...world.table.items];
    await world.admin.delete(world.caller, login);
    expect(await refusalOf(world.oidc(login, await token()))).toBe('login_unknown');
    for (const [id, item] of record) world.table.items.set(id, item);
    expect(await refusalOf(world.oidc(login, await token()))).toBe('login_ended');
    expect(await world.admin.list(world.caller, {})).toEqual({ logins: [], damaged: [login] });
  });

  test('ends the keys that it gave, in each process within five minutes', async () => {
    const login = await githubLogin();
    const warm = world.process();
    await world.oidc(login, await token());
    const [stored] = world.keys;
    expect((await warm.verifier.verify(stored as never)).revokedAt).toBeUndefined();
    await world.admin.delete(world.caller, login);
    expect((await world.verifier.verify(stored as never)).revokedAt).toBe('2026-06-01T12:00:00.000Z');
    world.time.now = new Date('2026-06-01T12:05:00.000Z');
    expect((await warm.verifier.verify(stored as never)).revokedAt).toBe('2026-06-01T12:00:00.000Z');
  });

  test('a record that the vault did not write is none: altered, moved to another id, or to another org', async () => {
    const login = await githubLogin();
    const id = `${world.org} ${login}`;
    const record = world.table.items.get(id)?.record ?? expect.fail('no record');
    const other = createInMemoryLogins(issuer);
    other.table.items.set(`${other.org} ${login}`, { id: login, record });
    const foreign = await signToken(key, githubClaims(other.time.now, other.audience));
    expect(await refusalOf(other.oidc(login, foreign))).toBe('login_unknown');
    world.table.items.set(`${world.org} 0123456789abcdef`, { id: '0123456789abcdef', record });
    expect(await refusalOf(world.oidc('0123456789abcdef', await token()))).toBe('login_unknown');
    const altered = { ...record, login: record.login.replace('"agent"', '"admin"') };
    expect(altered.login).not.toBe(record.login);
    world.table.items.set(id, { id: login, record: altered });
    expect(await refusalOf(world.oidc(login, await token()))).toBe('login_unknown');
  });
});

describe('keys of issuers', () => {
  const at = (minutes: number) => new Date(Date.parse('2026-06-01T12:00:00Z') + minutes * 60_000);
  const tokenOf = (signing: SigningKey, jti: string) =>
    signToken(signing, githubClaims(world.time.now, world.audience, jti));

  test('are fetched once in ten minutes, and again for a new key, at most once a minute', async () => {
    const login = await githubLogin();
    for (const jti of ['a', 'b']) await world.oidc(login, await tokenOf(key, jti));
    expect(issuer.fetches).toBe(1);
    issuer.keys = [otherKey];
    expect(await refusalOf(world.oidc(login, await tokenOf(otherKey, 'c')))).toBe('token_key');
    expect(issuer.fetches).toBe(1);
    world.time.now = at(1);
    await world.oidc(login, await tokenOf(otherKey, 'd'));
    expect(await refusalOf(world.oidc(login, await tokenOf(key, 'e')))).toBe('token_key');
    expect(issuer.fetches).toBe(2);
    world.time.now = at(11);
    await world.oidc(login, await tokenOf(otherKey, 'f'));
    expect(issuer.fetches).toBe(3);
  });

  test('work for an hour while the issuer is down, and then the vault says that it is unavailable', async () => {
    const login = await githubLogin();
    await world.oidc(login, await tokenOf(key, 'a'));
    issuer.isDown = true;
    world.time.now = at(59);
    await world.oidc(login, await tokenOf(key, 'b'));
    expect(await errorCodeOf(world.oidc(login, await tokenOf(otherKey, 'c')))).toBe('unavailable');
    world.time.now = at(61);
    expect(await errorCodeOf(world.oidc(login, await tokenOf(key, 'd')))).toBe('unavailable');
    expect(await errorCodeOf(world.process().oidc(login, await tokenOf(key, 'e')))).toBe('unavailable');
    issuer.isDown = false;
    world.time.now = at(62);
    await world.oidc(login, await tokenOf(key, 'f'));
    expect(world.keys).toHaveLength(3);
  });

  test('concurrent logins share one fetch', async () => {
    const login = await githubLogin();
    const tokens = await Promise.all(['a', 'b', 'c'].map((jti) => tokenOf(key, jti)));
    await Promise.all(tokens.map((token) => world.oidc(login, token)));
    expect(issuer.fetches).toBe(1);
  });
});

test('a login gives a limited number of keys in a time', async () => {
  const login = await githubLogin();
  world.counted.push(...Array<string>(3_000).fill(`login/${login}`));
  const token = await signToken(key, githubClaims(world.time.now, world.audience));
  expect(await errorCodeOf(world.oidc(login, token))).toBe('too_many_attempts');
  expect(world.keys).toEqual([]);
});
