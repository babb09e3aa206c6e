import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type LocalHooks, type ProviderEmulator, startProviderEmulator } from '../../local/vault/provider-emulator.ts';

let hooks: LocalHooks;
let outbox: ProviderEmulator;

beforeEach(async () => {
  hooks = {};
  outbox = await startProviderEmulator({ hooks: () => hooks, onError: (message) => expect.fail(message) });
});
afterEach(() => outbox.close());

const post = (path: string, init: RequestInit = {}) =>
  fetch(outbox.url + path, { method: 'POST', body: 'To=1&Body=hello%20there', ...init });

describe('the outbox', () => {
  test.for([
    ['twilio', '/2010-04-01/Accounts/AC1/Messages.json', 201, { sid: expect.stringMatching(/^SM[\da-f]{32}$/) }],
    ['whatsapp', '/v23.0/123/messages', 200, { messages: [{ id: expect.stringMatching(/^wamid\../) }] }],
    ['slack', '/api/chat.postMessage', 200, { ok: true, ts: expect.stringMatching(/^\d+\.\d{6}$/) }],
    [
      'mailgun',
      '/v3/example.com/messages',
      200,
      { id: expect.stringMatching(/^<.+@.+>$/), message: expect.any(String) },
    ],
    ['sendgrid', '/v3/mail/send', 202, undefined],
  ] as const)('answers as %s does, and keeps what came', async ([provider, path, status, body]) => {
    const answer = await post(`/${provider}${path}?q=1`, {
      headers: { authorization: 'Bearer SECRET', 'x-other': 'a' },
    });
    expect(answer.status).toBe(status);
    const text = await answer.text();
    if (body === undefined) expect(text).toBe('');
    else expect(JSON.parse(text)).toMatchObject(body);
    expect(outbox.requests()).toEqual([
      {
        provider,
        path: `${path}?q=1`,
        headers: expect.objectContaining({ authorization: '(redacted)', 'x-other': 'a' }),
        body: 'To=1&Body=hello%20there',
        receivedAt: expect.any(Date),
      },
    ]);
    expect(JSON.stringify(outbox.requests())).not.toContain('SECRET');
  });

  test('knows no other provider, no other method and no body over a mebibyte', async () => {
    expect((await post('/other/send')).status).toBe(404);
    expect((await post('/constructor/send')).status).toBe(404);
    expect((await post('/slack')).status).toBe(404);
    expect((await fetch(`${outbox.url}/slack/api/chat.postMessage`)).status).toBe(404);
    expect((await post('/slack/api/chat.postMessage', { body: 'x'.repeat(1024 * 1024 + 1) })).status).toBe(413);
    expect(outbox.requests()).toEqual([]);
  });

  test('keeps the latest thousand', async () => {
    const batch = 50;
    for (let n = 0; n < 1050; n += batch) {
      await Promise.all(Array.from({ length: batch }, () => post('/sendgrid/v3/mail/send', { body: String(n) })));
    }
    expect(outbox.requests()).toHaveLength(1000);
    expect(outbox.requests()[0]?.body).toBe('50');
    expect(outbox.requests().at(-1)?.body).toBe('1000');
  });
});

describe('a hook', () => {
  test('sees the request and lets a provider refuse it: nothing was sent', async () => {
    hooks = { beforeSend: ({ body }) => ({ status: 429, body: JSON.stringify({ refused: body }) }) };
    const answer = await post('/twilio/2010-04-01/Accounts/AC1/Messages.json', { body: 'x' });
    expect([answer.status, await answer.json()]).toEqual([429, { refused: 'x' }]);
    expect(outbox.requests()).toEqual([]);
  });

  test('breaks the connection before the provider took it, or after', async () => {
    hooks = { beforeSend: () => 'drop-before' };
    await expect(post('/slack/api/chat.postMessage')).rejects.toThrow('fetch failed');
    expect(outbox.requests()).toEqual([]);
    hooks = { beforeSend: async () => 'drop-after' as const };
    await expect(post('/slack/api/chat.postMessage')).rejects.toThrow('fetch failed');
    expect(outbox.requests()).toHaveLength(1);
  });

  test('that says nothing changes nothing', async () => {
    hooks = { beforeSend: () => {} };
    expect((await post('/sendgrid/v3/mail/send')).status).toBe(202);
    expect(outbox.requests()).toHaveLength(1);
  });
});
