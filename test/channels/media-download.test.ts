/** Files are fetched from the provider alone: pinned hosts, no credentials elsewhere, and no more than the limit. */
import { describe, expect, test } from 'vitest';
import type { ChannelName, MediaRef } from '../../lambdas/channels/channel-ports.ts';
import { providerAccount, slackSecrets, twilioSecrets } from './signed-provider-requests.ts';

type Reply = { status?: number; headers?: Record<string, string>; body?: Uint8Array<ArrayBuffer> | string };
const refs = {
  twilio: { message: `MM${'0c'.repeat(16)}`, media: `ME${'0d'.repeat(16)}` },
  whatsapp: { id: '1003383421387256' },
  slack: { path: '/files-pri/T0123-F0S43P1CZ/download/whale.png' },
} as const satisfies Partial<Record<ChannelName, MediaRef>>;
type Fetching = keyof typeof refs;

/** Fetches a file from a provider that replies in order; the last reply repeats. */
async function fetchFile(
  name: Fetching,
  replies: readonly (Reply | Error)[],
  { maxBytes = 100, base = undefined as string | undefined } = {},
) {
  const requests: { url: string; authorization: string | null; redirect: unknown }[] = [];
  const fetching: typeof fetch = async (url, init) => {
    const reply = replies[Math.min(requests.length, replies.length - 1)];
    requests.push({
      url: String(url),
      authorization: new Headers(init?.headers).get('authorization'),
      redirect: init?.redirect,
    });
    if (reply instanceof Error) throw reply;
    const { status = 200, headers = {}, body = 'file' } = reply ?? {};
    return new Response(status === 204 ? null : body, { status, headers });
  };
  const account = providerAccount(name, {}, { fetch: fetching, baseUrlOverride: base });
  const result = await account.fetchMedia?.(refs[name], maxBytes);
  return { result, requests };
}
const lookaside = 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&ext=2&hash=3';
const info = (url = lookaside, more: object = {}): Reply => ({
  body: JSON.stringify({ url, mime_type: 'image/jpeg', ...more }),
});
const picture: Reply = { headers: { 'content-type': 'image/jpeg; x=1' }, body: 'file' };
const basic = `Basic ${Buffer.from(`${twilioSecrets.accountSid}:${twilioSecrets.authToken}`).toString('base64')}`;
const fetched = { bytes: Buffer.from('file'), type: 'image/jpeg' };

describe('a file is fetched as the documentation says', () => {
  const mediaUrl = `https://api.twilio.com/2010-04-01/Accounts/${twilioSecrets.accountSid}/Messages/${refs.twilio.message}/Media/${refs.twilio.media}`;

  test('Twilio: with the account’s token, which its storage does not receive', async () => {
    for (const location of [
      'https://mms.twiliocdn.com/AC1/abc',
      'https://media.twiliocdn.com/AC1/abc',
      'https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC1/abc',
    ]) {
      const { result, requests } = await fetchFile('twilio', [{ status: 307, headers: { location } }, picture]);
      expect(result).toEqual(fetched);
      expect(requests).toEqual([
        { url: mediaUrl, authorization: basic, redirect: 'manual' },
        { url: location, authorization: null, redirect: 'manual' },
      ]);
    }
  });

  test('WhatsApp: its ID yields a URL, which takes the token too', async () => {
    const { result, requests } = await fetchFile('whatsapp', [info(), picture]);
    expect(result).toEqual(fetched);
    expect(requests.map(({ url, authorization }) => [url, authorization])).toEqual([
      ['https://graph.facebook.com/v23.0/1003383421387256?phone_number_id=106540352242922', 'Bearer EAAJB-token'],
      [lookaside, 'Bearer EAAJB-token'],
    ]);
  });

  test('Slack: with the bot’s token', async () => {
    const { result, requests } = await fetchFile('slack', [picture]);
    expect(result).toEqual(fetched);
    expect(requests).toEqual([
      {
        url: `https://files.slack.com${refs.slack.path}`,
        authorization: `Bearer ${slackSecrets.botToken}`,
        redirect: 'manual',
      },
    ]);
  });

  test('on a local machine, all hosts are the one that is configured', async () => {
    const { requests } = await fetchFile('whatsapp', [info(), picture], { base: 'http://127.0.0.1:9' });
    expect(requests.map(({ url }) => new URL(url).origin)).toEqual(['http://127.0.0.1:9', 'http://127.0.0.1:9']);
    expect(requests[1]?.url).toBe(`http://127.0.0.1:9/whatsapp/whatsapp_business/attachments/?mid=1&ext=2&hash=3`);
  });
});

describe('no other host is called', () => {
  test.each([
    'https://evil.example/media.twiliocdn.com/x',
    'https://mms.twiliocdn.com.evil.example/x',
    'https://mms.twiliocdn.com@evil.example/x',
    'https://user:pass@mms.twiliocdn.com/x',
    'http://mms.twiliocdn.com/x',
    'https://s3-external-1.amazonaws.com/other-bucket/x',
    'https://s3-external-1.amazonaws.com/media.twiliocdn.com/../other-bucket/x',
    'https://s3-external-1.amazonaws.com/media.twiliocdn.com/%2e%2e/other-bucket/x',
    'http://169.254.169.254/latest/meta-data/',
    '//evil.example/x',
    '',
  ])('by a redirect to %j', async (location) => {
    const { result, requests } = await fetchFile('twilio', [{ status: 302, headers: { location } }, picture]);
    expect(result).toEqual({ refusal: 'unavailable' });
    expect(requests).toHaveLength(1);
  });

  test('by a second redirect, nor by one where the documentation has none', async () => {
    const location = 'https://mms.twiliocdn.com/x';
    const redirect = { status: 307, headers: { location } };
    expect((await fetchFile('twilio', [redirect])).requests).toHaveLength(2);
    expect((await fetchFile('twilio', [redirect])).result).toEqual({ refusal: 'unavailable' });
    const login = await fetchFile('slack', [{ status: 302, headers: { location: 'https://slack.com/?redir=x' } }]);
    expect([login.result, login.requests.length]).toEqual([{ refusal: 'unavailable' }, 1]);
  });

  test.each([
    'https://evil.example/x',
    'https://lookaside.fbsbx.com.evil.example/x',
    'http://lookaside.fbsbx.com/x',
    'https://lookaside.fbsbx.com:444/x',
    'https://a@lookaside.fbsbx.com/x',
    'no url',
  ])('by an answer of Meta that names %j', async (url) => {
    const { result, requests } = await fetchFile('whatsapp', [info(url), picture]);
    expect(result).toEqual({ refusal: 'elsewhere' });
    expect(requests).toHaveLength(1);
  });
});

describe('the size is limited', () => {
  test('by what the provider states, and by the bytes themselves', async () => {
    expect((await fetchFile('whatsapp', [info(lookaside, { file_size: 101 }), picture])).result).toEqual({
      refusal: 'too-large',
    });
    expect((await fetchFile('slack', [{ headers: { 'content-length': '101' } }])).result).toEqual({
      refusal: 'too-large',
    });
    expect((await fetchFile('slack', [{ body: new Uint8Array(101) }])).result).toEqual({ refusal: 'too-large' });
    expect((await fetchFile('slack', [{ body: new Uint8Array(100) }])).result).toMatchObject({
      bytes: Buffer.alloc(100),
    });
  });

  test('while reading: a body without end is not read to its end', async () => {
    let pulled = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(60));
      },
    });
    const account = providerAccount(
      'slack',
      {},
      { fetch: async () => new Response(endless), baseUrlOverride: undefined },
    );
    expect(await account.fetchMedia?.(refs.slack, 100)).toEqual({ refusal: 'too-large' });
    expect(pulled).toBeLessThan(10);
  });
});

describe('a fault', () => {
  test.each([{ status: 500 }, { status: 429 }, new Error('down')])(
    'that can pass is tried twice: %j',
    async (fault) => {
      expect((await fetchFile('slack', [fault, picture])).result).toEqual(fetched);
      const { result, requests } = await fetchFile('slack', [fault]);
      expect([result, requests.length]).toEqual([{ refusal: 'unavailable' }, 2]);
    },
  );

  test.each([400, 401, 403, 404, 410])('with status %d is final', async (status) => {
    const { result, requests } = await fetchFile('slack', [{ status }]);
    expect([result, requests.length]).toEqual([{ refusal: 'unavailable' }, 1]);
  });

  test('an empty file, or an answer of Meta that is none, is not available', async () => {
    expect((await fetchFile('slack', [{ body: '' }])).result).toEqual({ refusal: 'unavailable' });
    expect((await fetchFile('whatsapp', [{ body: '{}' }])).result).toEqual({ refusal: 'unavailable' });
    expect((await fetchFile('whatsapp', [{ body: '{' }])).result).toEqual({ refusal: 'unavailable' });
  });
});
