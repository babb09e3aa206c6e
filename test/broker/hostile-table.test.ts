/** Somebody who can write the table of the broker, but not use the KMS key (docs/broker.md, section 10). */
import { describe, expect, test } from 'vitest';
import type { FetchRequest } from '../../contract/broker/wire.ts';
import type { TokenRecord } from '../../lambdas/broker/broker-ports.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { createInMemoryBroker } from './in-memory-broker.ts';

const tokenUrl = 'https://oauth.example.com/token';
const metadata = { allowed_hosts: 'api.example.com', allowed_token_hosts: 'oauth.example.com', allowed_in: 'auth' };
const request = (name: string): FetchRequest => ({
  url: 'https://api.example.com/mail',
  auth: { type: 'oauth2-refresh-token', tokenUrl, clientId: 'client', refreshToken: `anima://${name}` },
});

/** Two credentials, each of which has been used once. */
async function createWorld() {
  let issued = 0;
  const broker = createInMemoryBroker({
    'oauth.example.com': () => ({
      body: JSON.stringify({ access_token: `access-token-${++issued}`, token_type: 'Bearer', expires_in: 3600 }),
    }),
    'api.example.com': ({ headers }) => ({ body: JSON.stringify({ seen: headers.get('authorization') }) }),
  });
  const sent = () =>
    broker.requests
      .filter(({ url }) => url.host === 'api.example.com')
      .map(({ headers }) => headers.get('authorization'));
  const ids: string[] = [];
  for (const name of ['first', 'second']) {
    await broker.vault.set(name, `refresh-token-of-${name}`, { metadata });
    await broker.fetch(request(name));
    ids.push([...broker.tokenRecords.records.keys()].find((id) => !ids.includes(id)) ?? expect.fail('no record'));
  }
  const [first = '', second = ''] = ids;
  const recordOf = (id: string): TokenRecord => broker.tokenRecords.records.get(id) ?? expect.fail('no record');
  const change = (id: string, more: Partial<TokenRecord>) =>
    void broker.tokenRecords.records.set(id, { ...recordOf(id), ...more });
  return { ...broker, first, second, recordOf, change, sent, issued: () => issued };
}

describe('a writer of the records of access tokens', () => {
  test('cannot let a host have the token of another credential, or one of their own: the broker gets a new one', async () => {
    const world = await createWorld();
    const { sealed = '' } = world.recordOf(world.second);
    const flipped = `${sealed.slice(0, -8)}${sealed.at(-8) === 'A' ? 'B' : 'A'}${sealed.slice(-7)}`;
    for (const [at, forged] of [sealed, flipped, 'enc:v1:AAAA', 'access-token-of-the-attacker', ''].entries()) {
      world.change(world.first, { state: 'ready', sealed: forged, pending: false });
      await world.fetch(request('first'));
      expect(world.sent().at(-1)).toBe(`Bearer access-token-${3 + at}`);
    }
    expect(world.sent().slice(2)).not.toContain('Bearer access-token-2');
  });

  test('cannot make the broker store another refresh token: what is marked as pending must have been sealed so', async () => {
    const world = await createWorld();
    world.change(world.first, { pending: true });
    expect(await errorCodeOf(world.fetch(request('first')))).toBe('credential_uncertain');
    expect(await world.vault.get('first')).toMatchObject({ version: 1, value: 'refresh-token-of-first' });
  });

  test('can stop a credential, until its value has a new version', async () => {
    const world = await createWorld();
    for (const state of ['refused', 'uncertain'] as const) {
      world.change(world.first, { state });
      expect(await errorCodeOf(world.fetch(request('first')))).toBe(`credential_${state}`);
    }
    await world.vault.set('first', 'refresh-token-of-first-again', { metadata });
    await world.fetch(request('first'));
    expect(world.sent().at(-1)).toBe('Bearer access-token-3');
    // Also with a lease that no function has taken.
    world.change(world.first, { state: 'refreshing', leaseUntil: Number.MAX_SAFE_INTEGER });
    expect(await errorCodeOf(world.fetch(request('first')))).toBe('credential_uncertain');
    await world.vault.set('first', 'a-third-refresh-token-of-first', { metadata });
    await world.fetch(request('first'));
    expect(world.sent().at(-1)).toBe('Bearer access-token-4');
  });

  test('can bring back an older token of the same credential, which goes to the same host, and cause a refresh', async () => {
    const world = await createWorld();
    const old = world.recordOf(world.first);
    world.tokenRecords.records.delete(world.first);
    await world.fetch(request('first'));
    expect(world.sent().at(-1)).toBe('Bearer access-token-3');
    world.tokenRecords.records.set(world.first, old);
    await world.fetch(request('first'));
    expect(world.sent().at(-1)).toBe('Bearer access-token-1');
  });
});

test('a writer of the records of hosts can let earlier values be seen in a response, but none that this request used', async () => {
  const broker = createInMemoryBroker({
    'api.example.com': ({ headers }) => ({ body: `old-value-1 ${headers.get('x-key')}` }),
  });
  const use = (name: string): FetchRequest => ({
    url: 'https://api.example.com/',
    headers: { 'x-key': `{{anima://${name}}}` },
  });
  await broker.vault.set('old', 'old-value-1', { metadata: { allowed_hosts: 'api.example.com' } });
  await broker.vault.set('new', 'new-value-2', { metadata: { allowed_hosts: 'api.example.com' } });
  await broker.fetch(use('old'));
  expect((await broker.fetch(use('new'))).body).not.toMatch(/old-value-1|new-value-2/);
  broker.records.hosts.clear();
  const { body } = await broker.fetch(use('new'));
  expect(body).toContain('old-value-1');
  expect(body).not.toContain('new-value-2');
});
