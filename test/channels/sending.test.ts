import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { ChannelName, ReplyTo } from '../../lambdas/channels/channel-ports.ts';
import { splitText } from '../../lambdas/channels/providers/text-parts.ts';
import { providerAccount, samples, slackSecrets, twilioSecrets } from './signed-provider-requests.ts';

interface Sent {
  readonly url: string;
  readonly method: string;
  readonly authorization: string;
  readonly redirect: unknown;
  readonly body: unknown;
}

const targets: Readonly<Record<ChannelName, ReplyTo>> = {
  twilio: { to: '+447700900123', from: '+447700900999' },
  whatsapp: { to: '447700900123' },
  slack: { channel: 'D024BE91L', thread: '1355517523.000005' },
  mailgun: { to: 'ada@example.com', subject: 'Re: Question', messageId: '<question-1@example.com>' },
  sendgrid: { to: 'ada@example.com', subject: 'Re: Question', messageId: '<question-1@example.com>' },
};
const names: readonly ChannelName[] = ['twilio', 'whatsapp', 'slack', 'mailgun', 'sendgrid'];

function parsed(init: RequestInit | undefined): unknown {
  const text = String(init?.body);
  const type = new Headers(init?.headers).get('content-type') ?? '';
  return type.startsWith('application/json') ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text));
}

/** Sends a reply through a channel whose provider returns this answer. An error simulates a broken connection. */
async function send(
  name: ChannelName,
  answer: () => Response,
  {
    text = 'Hi',
    apis,
    changes = {},
    replyTo = targets[name],
  }: { text?: string; apis?: string; changes?: object; replyTo?: ReplyTo } = {},
) {
  const sent: Sent[] = [];
  const fetching: typeof fetch = async (url, init) => {
    const authorization = new Headers(init?.headers).get('authorization') ?? '';
    sent.push({
      url: String(url),
      method: init?.method ?? '',
      authorization,
      redirect: init?.redirect,
      body: parsed(init),
    });
    expect(init?.signal?.aborted).toBe(false);
    return answer();
  };
  const result = await providerAccount(name, changes, { fetch: fetching, baseUrlOverride: apis }).sendReply(
    replyTo,
    text,
  );
  return { result, sent };
}
const status =
  (code: number, body: unknown = {}) =>
  () =>
    new Response(code === 204 ? null : JSON.stringify(body), { status: code });
const good = status(200, { ok: true });
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a reply is one request, of the form that the provider’s documentation gives', () => {
  test.each([
    {
      name: 'twilio',
      url: `https://api.twilio.com/2010-04-01/Accounts/${twilioSecrets.accountSid}/Messages.json`,
      authorization: `Basic ${base64(`${twilioSecrets.accountSid}:${twilioSecrets.authToken}`)}`,
      body: { To: '+447700900123', From: '+447700900999', Body: 'Hi' },
    },
    {
      name: 'whatsapp',
      url: 'https://graph.facebook.com/v23.0/106540352242922/messages',
      authorization: 'Bearer EAAJB-token',
      body: {
        messaging_product: 'whatsapp',
        recipient_type: 'individual',
        to: '447700900123',
        type: 'text',
        text: { preview_url: false, body: 'Hi' },
      },
    },
    {
      name: 'slack',
      url: 'https://slack.com/api/chat.postMessage',
      authorization: `Bearer ${slackSecrets.botToken}`,
      body: {
        channel: 'D024BE91L',
        thread_ts: '1355517523.000005',
        text: 'Hi',
        unfurl_links: false,
        unfurl_media: false,
      },
    },
    {
      name: 'mailgun',
      url: 'https://api.mailgun.net/v3/in.example.net/messages',
      authorization: `Basic ${base64('api:sending-key')}`,
      body: {
        from: 'vault@in.example.net',
        to: 'ada@example.com',
        subject: 'Re: Question',
        text: 'Hi',
        'h:Auto-Submitted': 'auto-replied',
        'h:X-Auto-Response-Suppress': 'All',
        'h:In-Reply-To': '<question-1@example.com>',
        'h:References': '<question-1@example.com>',
      },
    },
    {
      name: 'sendgrid',
      url: 'https://api.sendgrid.com/v3/mail/send',
      authorization: 'Bearer SG.key',
      body: {
        personalizations: [{ to: [{ email: 'ada@example.com' }] }],
        from: { email: 'vault@in.example.net' },
        subject: 'Re: Question',
        content: [{ type: 'text/plain', value: 'Hi' }],
        headers: {
          'Auto-Submitted': 'auto-replied',
          'X-Auto-Response-Suppress': 'All',
          'In-Reply-To': '<question-1@example.com>',
          References: '<question-1@example.com>',
        },
      },
    },
  ] as const)('$name', async ({ name, url, authorization, body }) => {
    const { result, sent } = await send(name, good);
    expect(result).toBe('sent');
    expect(sent).toEqual([{ url, method: 'POST', authorization, redirect: 'manual', body }]);
    // On a local machine, the same path follows the name of the channel.
    const local = await send(name, good, { apis: 'http://127.0.0.1:9' });
    expect(local.sent).toEqual([{ ...sent[0], url: `http://127.0.0.1:9/${name}${new URL(url).pathname}` }]);
  });

  test('settings say the region, the version and the number', async () => {
    expect((await send('mailgun', good, { changes: { region: 'eu' } })).sent[0]?.url).toBe(
      'https://api.eu.mailgun.net/v3/in.example.net/messages',
    );
    expect((await send('sendgrid', good, { changes: { region: 'eu' } })).sent[0]?.url).toBe(
      'https://api.eu.sendgrid.com/v3/mail/send',
    );
    expect((await send('whatsapp', good, { changes: { graphVersion: 'v25.0' } })).sent[0]?.url).toContain('/v25.0/');
    expect((await send('twilio', good, { changes: { from: '+15005550006' } })).sent[0]?.body).toMatchObject({
      From: '+15005550006',
    });
  });

  test('nothing in Slack’s text calls anyone', async () => {
    const { sent } = await send('slack', good, { text: '<!channel> & <@U0456>', replyTo: { channel: 'C1' } });
    expect(sent[0]?.body).toEqual({
      channel: 'C1',
      text: '&lt;!channel&gt; &amp; &lt;@U0456&gt;',
      unfurl_links: false,
      unfurl_media: false,
    });
  });
});

describe('what became of it', () => {
  test.each(names)('%s: sent, refused for good, or unknown', async (name) => {
    const answers: Readonly<Record<string, () => Response>> = {
      200: good,
      400: status(400),
      401: status(401),
      403: status(403),
      404: status(404),
      429: status(429),
      500: status(500),
      503: status(503),
      302: () => new Response(null, { status: 302, headers: { location: 'https://evil.example/' } }),
      broken: () => {
        throw new Error('connection reset');
      },
    };
    const results: Record<string, string> = {};
    for (const [title, answer] of Object.entries(answers)) results[title] = (await send(name, answer)).result;
    expect(results).toEqual({
      200: 'sent',
      302: 'refused',
      400: 'refused',
      401: 'refused',
      403: 'refused',
      404: 'refused',
      429: 'unknown',
      500: 'unknown',
      503: 'unknown',
      broken: 'unknown',
    });
    if (name !== 'slack')
      expect([(await send(name, status(201))).result, (await send(name, status(202))).result]).toEqual([
        'sent',
        'sent',
      ]);
  });

  test('Slack’s status 200 is not enough', async () => {
    const of = async (answer: () => Response) => (await send('slack', answer)).result;
    expect(await of(status(200, { ok: false, error: 'channel_not_found' }))).toBe('refused');
    expect(await of(status(200, { ok: false, error: 'ratelimited' }))).toBe('unknown');
    expect(await of(status(200, { ok: false, error: 'internal_error' }))).toBe('unknown');
    expect(await of(status(200, { ok: 'true' }))).toBe('unknown');
    expect(await of(status(200, []))).toBe('unknown');
    expect(await of(() => new Response('<html>'))).toBe('unknown');
  });

  const servers: ReturnType<typeof createServer>[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  test('credentials go to no other address, and a connection cut short leaves it unknown', async () => {
    const paths: string[] = [];
    const server = createServer((request, response) => {
      paths.push(request.url ?? '');
      if (request.url?.startsWith('/slack')) request.socket.destroy();
      else response.writeHead(307, { location: '/elsewhere' }).end();
    });
    servers.push(server);
    await new Promise<void>((listening) => {
      server.listen(0, '127.0.0.1', listening);
    });
    const { port } = server.address() as AddressInfo;
    const carrier = { fetch, baseUrlOverride: `http://127.0.0.1:${port}` };
    expect(await providerAccount('sendgrid', {}, carrier).sendReply(targets.sendgrid, 'Hi')).toBe('refused');
    expect(await providerAccount('slack', {}, carrier).sendReply(targets.slack, 'Hi')).toBe('unknown');
    expect(paths).toEqual(['/sendgrid/v3/mail/send', '/slack/api/chat.postMessage']);
  });
});

describe('a text that is too long for one message', () => {
  const partsOf = async (name: ChannelName, text: string, answer: () => Response = good) => {
    const { result, sent } = await send(name, answer, { text });
    const texts = sent.map(({ body }) => {
      const { Body, text: inner } = body as { Body?: string; text: string | { body: string } };
      return Body ?? (typeof inner === 'string' ? inner : inner.body);
    });
    return { result, texts };
  };

  test.each([
    ['twilio', 1_600],
    ['whatsapp', 4_096],
    ['slack', 4_000],
  ] as const)(
    'is sent by %s in numbered parts of at most %d characters, and nothing of it is lost',
    async (name, length) => {
      expect((await partsOf(name, 'x'.repeat(length))).texts).toEqual(['x'.repeat(length)]);
      const words = Array.from({ length: 4_000 }, (_, at) => `word${at}`).join(' ');
      const { result, texts } = await partsOf(name, words);
      expect(result).toBe('sent');
      expect(texts.every((text) => text.length <= length)).toBe(true);
      expect(texts.map((text) => /^\((\d+)\/(\d+)\) /.exec(text)?.slice(1).map(Number))).toEqual(
        texts.map((_, at) => [at + 1, texts.length]),
      );
      expect(texts.map((text) => text.replace(/^\(\d+\/\d+\) /, '')).join(' ')).toBe(words);
    },
  );

  test('is whole in mail, and never longer escaped than Slack takes', async () => {
    const text = '&'.repeat(10_000);
    expect((await send('mailgun', good, { text })).sent[0]?.body).toMatchObject({ text });
    const { texts } = await partsOf('slack', text);
    expect(texts.every((part) => part.length <= 4_000)).toBe(true);
    expect(texts.map((part) => part.replace(/^\(\d+\/\d+\) /, '')).join('')).toBe('&amp;'.repeat(10_000));
  });

  test('stops at a part that was refused, and tries a later part again before the whole is repeated', async () => {
    const text = 'x'.repeat(4_000);
    expect((await partsOf('twilio', text, status(400))).texts).toHaveLength(1);
    expect((await partsOf('twilio', text, status(500))).texts).toHaveLength(1);
    let call = 0;
    const { result, texts } = await partsOf('twilio', text, () => (++call === 2 ? status(503)() : good()));
    expect(result).toBe('sent');
    expect(texts.map((part) => part.slice(0, 5))).toEqual(['(1/3)', '(2/3)', '(2/3)', '(3/3)']);
  });

  test('is split between two characters, at a paragraph, line, sentence or word if there is one', () => {
    expect(splitText('a👩‍👩‍👧👩‍👩‍👧', 15)).toEqual(['(1/2) a👩‍👩‍👧', '(2/2) 👩‍👩‍👧']);
    expect(splitText('First one.\n\nSecond two, which is more.', 20)).toEqual([
      '(1/3) First one.',
      '(2/3) Second two,',
      '(3/3) which is more.',
    ]);
  });

  test('loses no character but white space at the breaks, whatever it contains', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), fc.integer({ min: 30, max: 90 }), (text, length) => {
        const parts = splitText(text, length);
        expect(parts.every((part) => part.length <= length)).toBe(true);
        const joined =
          parts.length === 1 ? parts.join('') : parts.map((part) => part.replace(/^\(\d+\/\d+\) /, '')).join('');
        expect(joined.replace(/\s+/gu, '')).toBe(text.replace(/\s+/gu, ''));
      }),
    );
  });
});

test('every channel says what its provider takes for success', () => {
  expect(names.map((name) => samples[name].channel.name)).toEqual(names);
  expect(samples.twilio.channel.acceptedResponse).toEqual({
    contentType: 'text/xml',
    body: '<?xml version="1.0" encoding="UTF-8"?><Response/>',
  });
  for (const name of names.slice(1))
    expect(samples[name].channel.acceptedResponse).toEqual({ contentType: 'text/plain', body: '' });
});
