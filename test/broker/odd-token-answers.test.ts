/** Token endpoints that answer what no document expects: never a crash, never a token that is lost without a word. */
import { describe, expect, test } from 'vitest';
import type { FetchRequest } from '../../contract/broker/wire.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { type Answer, createInMemoryBroker } from './in-memory-broker.ts';

const name = 'prod/refresh';
const metadata = { allowed_hosts: 'api.example.com', allowed_token_hosts: 'oauth.example.com', allowed_in: 'auth' };
const request: FetchRequest = {
  url: 'https://api.example.com/mail',
  auth: {
    type: 'oauth2-refresh-token',
    tokenUrl: 'https://oauth.example.com/token',
    clientId: 'client',
    refreshToken: `anima://${name}`,
  },
};

async function createWorld(answer: () => Answer | Promise<Answer>) {
  const world = createInMemoryBroker({ 'oauth.example.com': answer, 'api.example.com': () => ({ body: 'ok' }) });
  await world.vault.set(name, 'refresh-token-number-0', { metadata });
  const refreshes = () => world.requests.filter(({ url }) => url.host === 'oauth.example.com').length;
  return { ...world, refreshes };
}

const answering = (fields: object) => createWorld(() => ({ body: JSON.stringify(fields) }));
const token = { access_token: 'access-token-number-1' };

describe('an answer is a token', () => {
  test.each([
    ['without further members', {}],
    ['with members that are null', { token_type: null, refresh_token: null, expires_in: null, scope: null }],
    ['with a type in capitals', { token_type: 'BEARER' }],
    ['with an end in text', { expires_in: '3600' }],
    ['that never ends', { expires_in: 1e300 }],
    ['that has ended', { expires_in: -1 }],
    ['with an end that is no number', { expires_in: 'soon' }],
    ['with an end that is an object', { expires_in: { toString: 1, valueOf: 1 } }],
    ['with members that every object has', { constructor: 1, __proto__: null, toString: 1, hasOwnProperty: 1 }],
  ])('%s', async (_, fields) => {
    const world = await answering({ ...token, ...fields });
    expect((await world.fetch(request)).status).toBe(200);
    expect(await world.vault.get(name)).toMatchObject({ version: 1 });
  });
});

describe('an answer is no token, and the refresh is uncertain', () => {
  test.each([
    ['with a type that is an object', { ...token, token_type: { toString: 1 } }],
    ['with a type that is a list', { ...token, token_type: ['bearer'] }],
    ['with a token that is an object', { access_token: { toString: 1 } }],
    ['with a token that has a line end', { access_token: 'access-token\r\nx: y' }],
    ['with a refresh token that is no text', { ...token, refresh_token: 5 }],
    ['that is a list', [token]],
    ['that is a text', 'access-token-number-1'],
    ['that is null', null],
  ])('%s', async (_, fields) => {
    const world = await answering(fields as object);
    expect(await errorCodeOf(world.fetch(request))).toBe('credential_uncertain');
    expect(await errorCodeOf(world.fetch(request))).toBe('credential_uncertain');
    expect(world.refreshes()).toBe(1);
  });
});

describe('a token that lives shortly', () => {
  test('is used for half of its life, and so not refreshed by each request', async () => {
    const world = await answering({ ...token, expires_in: 60 });
    await Promise.all(Array.from({ length: 50 }, () => world.instance()(request)));
    expect(world.refreshes()).toBe(1);
    world.pass(29_000);
    await world.fetch(request);
    expect(world.refreshes()).toBe(1);
    world.pass(2000);
    await world.fetch(request);
    expect(world.refreshes()).toBe(2);
  });
});

test('a request with too little time for the answer of a provider does not begin a refresh', async () => {
  let calls = 0;
  const world = await createWorld(() => ({ body: JSON.stringify({ ...token, n: calls++ }) }));
  world.callTakes(9000);
  expect(await errorCodeOf(world.fetch(request))).toBe('credential_busy');
  expect(world.refreshes()).toBe(0);
  world.callTakes(0);
  expect((await world.fetch(request)).status).toBe(200);
});
