/** `explain` for logins of identities of other systems: who is trusted, for what, and which keys work now. */
import { describe, expect, test } from 'vitest';
import type { LoginInfo } from '../../contract/logins/wire.ts';
import type { StoredApiKey } from '../../lambdas/api-keys/api-key-ports.ts';
import { effectivePermissions } from '../../lambdas/api-keys/permissions.ts';
import { type ExplainLoginInput, explainLogin } from '../../lambdas/explain/explain-login.ts';

const now = new Date('2026-11-30T12:00:00.000Z');
const id = '0123456789abcdef';
const issuer = 'https://token.actions.githubusercontent.com';

const login: LoginInfo = {
  id,
  role: 'agent',
  oidc: { issuer, claims: { repository_id: '74', environment: 'prod' } },
  keySeconds: 900,
  expiresAt: '2027-01-01T00:00:00.000Z',
  createdAt: '2026-11-01T00:00:00.000Z',
  createdBy: 'adminadminadmina',
};
const awsLogin: LoginInfo = {
  ...login,
  oidc: undefined,
  aws: { account: '123456789012', roleId: 'AROACKCEVSQ6C2EXAMPLE' },
};

const key = (more: Partial<StoredApiKey>): StoredApiKey => ({
  ...{ org: 'o', id: 'k', role: 'agent', createdAt: login.createdAt, hash: '', mac: '' },
  expiresAt: '2026-11-30T12:10:00.000Z',
  origin: { login: id, subject: 'repo:octo-org/octo-repo' },
  ...more,
});

const caller = { org: 'o', keyId: 'c', role: 'admin' as const, ...effectivePermissions({ role: 'admin' }) };
const active = { state: 'active' } as unknown as ExplainLoginInput['keyring'];

const explained = (more: Partial<ExplainLoginInput> = {}) =>
  explainLogin({ keyring: active, id, login, apiKeys: [], caller, now, ...more });
const textOf = (parties: ReturnType<typeof explained>['canOpen'], kind: string): string =>
  parties.flatMap((one) => (one.kind === kind ? `${one.who}: ${one.how}` : [])).join('\n');

describe('a login', () => {
  test('of an issuer trusts its tokens with all claims, and the issuer itself whatever it claims', () => {
    const { custody, state, canOpen } = explained();
    expect([custody, state]).toEqual(['org', 'stored']);
    const [token, theIssuer] = canOpen;
    expect(token).toMatchObject({
      ...{ kind: 'identity', until: login.expiresAt },
      who: `Anyone with a token of the issuer ${issuer} with the claims repository_id = "74" and environment = "prod"`,
    });
    expect(theIssuer).toMatchObject({ kind: 'identity', who: expect.stringContaining('one of its keys') });
    expect(theIssuer?.how).toContain('can answer in its name');
    expect(
      textOf(
        explained({ login: { ...login, oidc: { ...login.oidc, issuer, claims: {}, keys: [] } } }).canOpen,
        'identity',
      ),
    ).toContain('no others count');
  });

  test('of an AWS role trusts who can assume it, the administrators of the account, and STS', () => {
    const text = textOf(explained({ login: awsLogin }).canOpen, 'identity');
    expect(text).toContain('the AWS role AROACKCEVSQ6C2EXAMPLE of the account 123456789012');
    expect(text).toContain('administers the AWS account 123456789012, and AWS STS');
    expect(text).not.toContain('issuer');
  });

  test('says which rights its keys have in effect, and for how long', () => {
    const how = (more: Partial<LoginInfo>) => explained({ login: { ...login, ...more } }).canOpen[0]?.how;
    expect(how({})).toContain('an API key with the role agent, which works for 900 seconds');
    expect(how({ verbs: ['values.read', 'keys.write'], prefixes: ['ci/'] })).toContain(
      'the role agent and only the verbs values.read, for names under one prefix, which works',
    );
    expect(how({ prefixes: ['ci/', 'x/'] })).toContain('under 2 prefixes');
    expect(how({ prefixes: ['ci/'] })).not.toContain('ci/');
    expect(explained({ login: { ...login, expiresAt: undefined } }).canOpen[0]).not.toHaveProperty('until');
  });

  test('lists the keys that it gave and that work now, each until it ends', () => {
    const apiKeys = [
      key({ id: 'works' }),
      key({ id: 'expired', expiresAt: '2026-11-30T11:59:59.000Z' }),
      key({ id: 'revoked', revokedAt: '2026-11-30T11:00:00.000Z' }),
      key({ id: 'other', origin: { login: 'fedcba9876543210', subject: 'x' } }),
      key({ id: 'plain', origin: undefined }),
    ];
    const { canOpen } = explained({ apiKeys });
    const keys = canOpen.filter(({ kind }) => kind === 'api-key');
    expect(keys).toMatchObject([{ id: 'works', until: '2026-11-30T12:10:00.000Z' }]);
    expect(keys[0]?.how).toContain('gave it to "repo:octo-org/octo-repo"');
  });

  test('counts the keys that have more permissions than the caller, and names none of them', () => {
    const auditor = { ...caller, role: 'auditor' as const, ...effectivePermissions({ role: 'auditor' }) };
    const text = JSON.stringify(explained({ apiKeys: [key({ id: 'hidden' })], caller: auditor }).canOpen);
    expect(text).toContain('one of 1 more API keys');
    expect(text).not.toContain('hidden');
  });

  test('says what a writer of the table, other keys, strangers, functions and the operator can do', () => {
    const { canOpen, cannotOpen } = explained();
    expect(textOf(canOpen, 'function')).toContain('admin, logins and operator');
    expect(textOf(canOpen, 'operator')).toContain('change the code');
    expect(cannotOpen.map(({ kind }) => kind)).toEqual(['identity', 'api-key', 'anyone']);
    expect(textOf(cannotOpen, 'anyone')).toMatch(/cannot create or change a login.*recorded token works again/);
  });

  test('of a locked org gives nothing, and of a shredded one is gone', () => {
    const keyring = { state: 'active', lock: { shredAt: '2026-12-24T00:00:00.000Z' } } as never;
    const locked = explained({ keyring, apiKeys: [key({})] });
    expect(locked.state).toBe('locked');
    expect(locked.canOpen.map(({ kind }) => kind)).toEqual(['function', 'operator']);
    expect(locked.cannotOpen[0]?.how).toContain('2026-12-24');
    expect(explained({ keyring: { state: 'shredded' } as never })).toMatchObject({ state: 'gone', canOpen: [] });
  });

  test.each([
    ['absent', undefined, 'no login with that ID'],
    ['deleted, whose record came back', 'ended', 'The login was deleted'],
    ['damaged', 'damaged', 'does not verify'],
    ['expired', { ...login, expiresAt: '2026-11-30T11:59:59.000Z' }, 'has expired'],
  ] as const)('that is %s is gone, with the reason', (_, stored, why) => {
    const answer = explained({ login: stored, apiKeys: [key({})] });
    expect(answer).toMatchObject({ custody: 'org', state: 'gone', canOpen: [] });
    expect(answer.cannotOpen).toMatchObject([{ kind: 'anyone', how: expect.stringContaining(why) }]);
  });
});
