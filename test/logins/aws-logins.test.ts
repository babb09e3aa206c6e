import { beforeEach, describe, expect, test } from 'vitest';
import { partitionOf, stsHostOf, stsPartitions } from '../../contract/logins/aws-requests.ts';
import { parseCallerIdentity } from '../../lambdas/logins/caller-identity.ts';
import { IdentityRefusedError } from '../../lambdas/logins/identity-refusal.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { InMemoryIssuer } from './fake-issuer.ts';
import { createInMemoryLogins, InMemorySts } from './in-memory-logins.ts';

let world: ReturnType<typeof createInMemoryLogins>;
let login: string;
beforeEach(async () => {
  world = createInMemoryLogins(new InMemoryIssuer([]));
  login = await world.create({ role: 'agent', aws: { account: world.sts.account, roleId: world.sts.roleId } });
});

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

const requestOf = (signed?: Record<string, string>, body?: string) =>
  world.sts.clientRequest(world.org, login, world.time.now, signed, body);

describe('a signed request', () => {
  test('of the role gives a key, whose origin is the id of the role and the name of the session', async () => {
    const given = await world.aws(requestOf());
    expect(given).toMatchObject({ role: 'agent', expiresAt: '2026-06-01T12:15:00.000Z' });
    const subject = 'AROACKCEVSQ6C2EXAMPLE:my-session';
    expect(world.keys[0]?.origin).toEqual({ login, subject });
    expect(world.accepted).toEqual([{ org: world.org, principal: `login:${login}`, login, subject }]);
    const [sent] = world.sts.requests;
    expect(sent?.host).toBe('sts.eu-central-1.amazonaws.com');
    expect(sent?.body).toBe('Action=GetCallerIdentity&Version=2011-06-15');
    expect([...(sent?.headers.keys() ?? [])]).toEqual([
      'content-type',
      'host',
      'x-amz-date',
      'x-amz-security-token',
      'x-anima-server-id',
      'authorization',
    ]);
  });

  test.each([
    ['another host', { host: 'sts.eu-west-1.amazonaws.com' }],
    ['the server id of another deployment', { 'x-anima-server-id': 'https://evil.example/x/y/z' }],
    ['no server id', { 'x-anima-server-id': 'undefined' }],
    ['another content type', { 'content-type': 'application/json' }],
    ['another time', { 'x-amz-date': '20260601T115900Z' }],
    ['further signed headers', { 'x-more': '1' }],
  ])('for %s fits no request that the vault sends', async (_, signed) => {
    expect(await refusalOf(world.aws(requestOf(signed)))).toBe('request_signature');
    expect(world.keys).toEqual([]);
  });

  test('for another action fits none either', async () => {
    const body = 'Action=AssumeRole&Version=2011-06-15';
    expect(await refusalOf(world.aws(requestOf(undefined, body)))).toBe('request_signature');
  });

  test('for another login, org, nonce or region fits none either', async () => {
    const aws = { account: world.sts.account, roleId: world.sts.roleId };
    const other = await world.create({ role: 'admin', aws });
    expect(await refusalOf(world.aws({ ...requestOf(), login: other }))).toBe('request_signature');
    expect(await refusalOf(world.aws({ ...requestOf(), nonce: 'A'.repeat(22) }))).toBe('request_signature');
    expect(await refusalOf(world.aws({ ...requestOf(), region: 'eu-west-1' }))).toBe('request_signature');
    const elsewhere = `https://page.example.com/${world.org}`;
    expect(await refusalOf(world.aws({ ...requestOf(), audience: elsewhere }))).toBe('request_signature');
    expect(await refusalOf(world.aws({ ...requestOf(), audience: 'https://evil.example/x' }))).toBe('request_form');
  });

  test('works once, also in another process', async () => {
    const request = requestOf();
    await world.aws(request);
    expect(await refusalOf(world.aws(request))).toBe('identity_used');
    expect(await refusalOf(world.process().aws(request))).toBe('identity_used');
    await world.aws(requestOf());
    expect(world.keys).toHaveLength(2);
  });

  test('is refused before STS is asked if it is old, early, or for a region without an endpoint', async () => {
    for (const minutes of [-6, 6]) {
      const request = requestOf();
      const now = world.time.now;
      world.time.now = new Date(now.getTime() + minutes * 60_000);
      expect(await refusalOf(world.aws(request))).toBe('request_time');
      world.time.now = now;
    }
    expect(await refusalOf(world.aws({ ...requestOf(), date: '20261301T000000Z' }))).toBe('request_time');
    for (const region of ['eu-central-9', 'us-gov-west-1', 'cn-north-1']) {
      expect(await refusalOf(world.aws({ ...requestOf(), region }))).toBe('request_form');
    }
    expect(world.sts.requests).toEqual([]);
  });

  test('of strangers is limited by address, before STS is asked, and does not use up the limit of the login', async () => {
    expect(await refusalOf(world.aws(requestOf({ 'x-more': '1' })))).toBe('request_signature');
    const [counter = ''] = world.counted;
    expect(world.counted).toEqual([expect.stringMatching(/^address\//)]);
    world.counted.push(...Array<string>(1_500).fill(counter));
    expect(await errorCodeOf(world.aws(requestOf()))).toBe('too_many_attempts');
    expect(world.sts.requests).toHaveLength(1);
  });
});

describe('the response of STS', () => {
  test.each([
    ['another role of the same name', { roleId: 'AROAANOTHER0ROLE0000' }],
    ['another account', { account: '210987654321', arn: new InMemorySts().arn('210987654321') }],
    ['a user', { roleId: 'AIDACKCEVSQ6C2EXAMPLE' }],
    ['accounts that differ', { arn: new InMemorySts().arn('210987654321') }],
    ['a federated user', { arn: 'arn:aws:sts::123456789012:federated-user/my-session' }],
  ])('about %s is refused', async (_, change) => {
    world.sts.answer = () => world.sts.response(change);
    expect(await refusalOf(world.aws(requestOf()))).toBe('role_mismatch');
  });

  const good = new InMemorySts().response();
  const inside = (xml: string) => good.replace('<GetCallerIdentityResult>', `<GetCallerIdentityResult>${xml}`);
  test.each([
    ['a document type', `<!DOCTYPE x [<!ENTITY a "AROACKCEVSQ6C2EXAMPLE">]>${good}`],
    ['a comment in an id', good.replace('AROACKCEVSQ6C2EXAMPLE', 'AROACKCEVSQ6C2<!-- -->EXAMPLE')],
    ['CDATA', good.replace('AROACKCEVSQ6C2EXAMPLE', '<![CDATA[AROACKCEVSQ6C2EXAMPLE]]>')],
    ['an entity', good.replace('AROACKCEVSQ6C2EXAMPLE', '&#65;ROACKCEVSQ6C2EXAMPLE')],
    ['a second role', inside('<UserId>AROAANOTHER0ROLE0000:my-session</UserId>')],
    ['a member twice', good.replace(/<Account>\d+<\/Account>/, '<Arn>arn:aws:sts::1:assumed-role/a/bb</Arn>')],
    ['attributes', good.replace('<UserId>', '<UserId a="b">')],
    ['another namespace', good.replace('https://sts.amazonaws.com', 'https://evil.example')],
    ['no namespace', good.replace(/ xmlns="[^"]+"/, '')],
    ['text before it', `x${good}`],
    ['text after it', `${good}<x/>`],
    ['the response to another action', good.replaceAll('GetCallerIdentity', 'AssumeRole')],
    ['JSON', '{"GetCallerIdentityResponse":{}}'],
    ['nothing', ''],
    ['a long text of spaces', `<GetCallerIdentityResponse>${' '.repeat(15_000)}`],
  ])('with %s is none', (_, xml) => {
    expect(parseCallerIdentity(xml)).toBeUndefined();
  });

  test('in the documented form is read in any order of its members', () => {
    const expected = { account: '123456789012', roleId: 'AROACKCEVSQ6C2EXAMPLE', sessionName: 'my-session' };
    expect(parseCallerIdentity(good)).toEqual(expected);
    const [account = ''] = /<Account>.*<\/Account>/.exec(good) ?? [];
    const reordered = good.replace(account, '').replace('<Arn>', `${account}<Arn>`);
    expect(parseCallerIdentity(reordered)).toEqual(expected);
  });
});

test('each region has one host, in the domain of its partition', () => {
  for (const [partition, { domain, regions }] of Object.entries(stsPartitions)) {
    for (const region of regions) {
      expect(partitionOf(region)).toBe(partition);
      expect(stsHostOf(region, partition as never)).toBe(`sts.${region}.${domain}`);
    }
  }
  expect(stsHostOf('evil.example/')).toBeUndefined();
});
