import { describe, expect, test } from 'vitest';
import type { WebhookContent, WebhookRequest } from '../../lambdas/channels/channel-ports.ts';
import {
  later,
  messagesOf,
  now,
  providerAccount,
  samples,
  slackEvent,
  slackRequest,
  twilioFields,
  whatsappDelivery,
  whatsappMessage,
  whatsappRequest,
  whatsappSecrets,
} from './signed-provider-requests.ts';

/** No message is accepted. Some contents have a reason for the log. */
const nothing: WebhookContent = expect.objectContaining({ kind: 'nothing' });

describe('Twilio', () => {
  const read = async (fields: Record<string, unknown>, text?: string) =>
    providerAccount('twilio').verifyAndParse(
      await samples.twilio.request({ fields, ...(text === undefined ? {} : { text }) }),
      now,
    );

  test('an SMS is its sender’s, by MessageSid, and answered from the number that was written to', async () => {
    const text = 'x'.repeat(20_000);
    expect(await read({}, text)).toEqual({
      kind: 'messages',
      messages: [
        {
          deliveryId: twilioFields.MessageSid,
          identity: 'tel:+447700900123',
          text,
          shared: false,
          replyTo: { to: '+447700900123', from: '+447700900999' },
        },
      ],
    });
  });

  test('status reports, other senders than telephones, and messages without their parts are nothing', async () => {
    for (const fields of [
      { MessageStatus: 'delivered' },
      { SmsStatus: 'sent' },
      { From: 'rcs:brand' },
      { From: 'Brand' },
      { From: '12345' },
      { From: '447700900123' },
      { From: '' },
      { From: ['+447700900123', '+447700900124'] },
      { To: 'whatsapp:447700900999' },
      { To: '0' },
      { From: '+447700900999' },
      { MessageSid: '' },
      { MessageSid: `SM${'0B'.repeat(16)}` },
      { MessageSid: `CA${'0b'.repeat(16)}` },
      { MessageSid: [`SM${'0b'.repeat(16)}`, `SM${'0c'.repeat(16)}`] },
    ])
      expect(await read(fields), JSON.stringify(fields)).toEqual(nothing);
  });

  test('what another account signed with the same token is refused', async () => {
    expect(await read({ AccountSid: `AC${'2b'.repeat(16)}` })).toBeUndefined();
  });

  test('no other type of body is read, whatever its signature', async () => {
    const request = await samples.twilio.request();
    for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x', ''])
      expect(
        await providerAccount('twilio').verifyAndParse(
          { ...request, headers: { ...request.headers, 'content-type': type } },
          now,
        ),
      ).toBeUndefined();
  });
});

describe('WhatsApp', () => {
  const read = async (json: unknown) => providerAccount('whatsapp').verifyAndParse(await whatsappRequest(json), now);
  const message = (id: string, fields: object = {}) => whatsappMessage(id, `text of ${id}`, now, fields);

  test('all texts of a delivery are taken, each with its own id', async () => {
    const several = whatsappDelivery([message('wamid.1'), message('wamid.2', { from: '447700900124' })]);
    const reading = await read({
      ...several,
      entry: [...several.entry, ...whatsappDelivery([message('wamid.3')]).entry],
    });
    expect(messagesOf(reading)).toEqual([
      {
        deliveryId: 'wamid.1',
        identity: 'whatsapp:+447700900123',
        text: 'text of wamid.1',
        shared: false,
        replyTo: { to: '447700900123' },
      },
      {
        deliveryId: 'wamid.2',
        identity: 'whatsapp:+447700900124',
        text: 'text of wamid.2',
        shared: false,
        replyTo: { to: '447700900124' },
      },
      {
        deliveryId: 'wamid.3',
        identity: 'whatsapp:+447700900123',
        text: 'text of wamid.3',
        shared: false,
        replyTo: { to: '447700900123' },
      },
    ]);
  });

  test('of several, those that are too old are left out; nothing but old ones is refused', async () => {
    const old = whatsappMessage('wamid.old', 'old', later(-604_801));
    const ahead = whatsappMessage('wamid.ahead', 'ahead', later(301));
    expect(
      messagesOf(await read(whatsappDelivery([old, message('wamid.1'), ahead]))).map(({ deliveryId }) => deliveryId),
    ).toEqual(['wamid.1']);
    expect(await read(whatsappDelivery([old, ahead]))).toBeUndefined();
  });

  test('another telephone of the account, reactions, groups and reports are nothing', async () => {
    const foreign = whatsappDelivery([message('wamid.1')], '106540352242923');
    const status = whatsappDelivery([]);
    for (const json of [
      foreign,
      status,
      { ...whatsappDelivery([message('wamid.1')]), object: 'page' },
      whatsappDelivery([message('wamid.1', { type: 'reaction' })]),
      whatsappDelivery([message('wamid.1', { group_id: 'group' })]),
      whatsappDelivery([message('')]),
      whatsappDelivery([message('wamid.1', { from: 'gb.1234567890' })]),
      whatsappDelivery([message('wamid.1', { from: undefined })]),
      whatsappDelivery([message('wamid.1', { timestamp: 1 })]),
      whatsappDelivery([null, 1, 'text', []]),
      { object: 'whatsapp_business_account', entry: 'x' },
      { object: 'whatsapp_business_account', entry: [{ changes: [null, { field: 'account_update', value: {} }] }] },
      [],
      null,
      'text',
    ])
      expect(await read(json), JSON.stringify(json)).toEqual(nothing);
  });

  test('an id that is no plain text gets a name of one length', async () => {
    const ids = ['wamid.ä', 'x'.repeat(200), 'y'.repeat(200)];
    const named = messagesOf(await read(whatsappDelivery(ids.map((id) => message(id))))).map(
      ({ deliveryId }) => deliveryId,
    );
    expect(new Set(named).size).toBe(3);
    for (const name of named) expect(name).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  const asking = (query: Record<string, string>): WebhookRequest => ({
    method: 'GET',
    url: 'https://vault.example.com/v1/hooks/whatsapp/0123456789abcdef',
    query,
    headers: {},
    body: new Uint8Array(),
  });
  const question = {
    'hub.mode': 'subscribe',
    'hub.challenge': '1158201444',
    'hub.verify_token': whatsappSecrets.verifyToken,
  };

  test('the address is confirmed to who knows the token, with the challenge alone', async () => {
    expect(await providerAccount('whatsapp').verifyAndParse(asking(question), now)).toEqual({
      kind: 'challenge',
      answer: { contentType: 'text/plain', body: '1158201444' },
    });
  });

  test('and to nobody else, nor with anything that a browser could take for a page', async () => {
    const { verifyToken } = whatsappSecrets;
    for (const change of [
      { 'hub.verify_token': '' },
      { 'hub.verify_token': verifyToken.slice(0, -1) },
      { 'hub.verify_token': `${verifyToken},${verifyToken}` },
      { 'hub.verify_token': verifyToken.toUpperCase() },
      { 'hub.mode': 'unsubscribe' },
      { 'hub.mode': '' },
      { 'hub.challenge': '' },
      { 'hub.challenge': '<script>' },
      { 'hub.challenge': '1,1' },
      { 'hub.challenge': '1'.repeat(129) },
    ])
      expect(
        await providerAccount('whatsapp').verifyAndParse(asking({ ...question, ...change }), now),
        JSON.stringify(change),
      ).toBeUndefined();
    const { 'hub.verify_token': _, ...without } = question;
    expect(await providerAccount('whatsapp').verifyAndParse(asking(without), now)).toBeUndefined();
    expect(
      await providerAccount('whatsapp').verifyAndParse({ ...asking(question), method: 'POST' }, now),
    ).toBeUndefined();
  });
});

describe('Slack', () => {
  const read = async (json: unknown, changes: object = {}) =>
    providerAccount('slack', changes).verifyAndParse(await slackRequest(json), now);

  test('a direct message is its member’s, by channel and time, with Slack’s three entities read', async () => {
    expect(await read(slackEvent({ text: '&lt;b&gt; &amp;lt; é', thread_ts: '1.2' }))).toEqual({
      kind: 'messages',
      messages: [
        {
          deliveryId: 'D024BE91L/1355517523.000005',
          identity: 'slack:T0123/U0456',
          text: '<b> &lt; é',
          shared: false,
          replyTo: { channel: 'D024BE91L', thread: '1.2' },
        },
      ],
    });
  });

  test('a mention is a message without the name of who is mentioned, and one that others see', async () => {
    const mention = {
      type: 'app_mention',
      channel: 'C123',
      channel_type: undefined,
      text: '<@U0VAULT> what is <@U0456>?',
    };
    expect(messagesOf(await read(slackEvent(mention)))).toMatchObject([
      { text: 'what is <@U0456>?', shared: true, replyTo: { channel: 'C123' } },
    ]);
  });

  test('whoever a direct message begins with is part of it', async () => {
    expect(messagesOf(await read(slackEvent({ text: '<@U0999> is ill' })))[0]?.text).toBe('<@U0999> is ill');
  });

  test('a repetition has the id of the first', async () => {
    const first = await read(slackEvent({}));
    const again = await slackRequest(slackEvent({}), later(250));
    const repeated = {
      ...again,
      headers: { ...again.headers, 'x-slack-retry-num': '1', 'x-slack-retry-reason': 'http_timeout' },
    };
    expect(await providerAccount('slack').verifyAndParse(repeated, later(260))).toEqual(first);
  });

  test('bots, edits, other channels, other workspaces and other events are nothing', async () => {
    for (const json of [
      slackEvent({ bot_id: 'B1' }),
      slackEvent({ app_id: 'A1' }),
      slackEvent({ bot_profile: {} }),
      slackEvent({ subtype: 'message_changed' }),
      slackEvent({ subtype: 'bot_message', user: undefined }),
      slackEvent({ hidden: true }),
      slackEvent({ channel_type: 'channel' }),
      slackEvent({ channel_type: 'mpim' }),
      slackEvent({ channel_type: undefined }),
      slackEvent({ user: undefined }),
      slackEvent({ user: 'u/0456' }),
      slackEvent({ user: '' }),
      slackEvent({ team: 'T9999' }),
      slackEvent({ user_team: 'T9999' }),
      slackEvent({ channel: '../x' }),
      slackEvent({ type: 'reaction_added' }),
      slackEvent({}, { team_id: 't' }),
      slackEvent({}, { event_id: '' }),
      slackEvent({}, { type: 'block_actions' }),
      { type: 'url_verification', challenge: '<script>' },
      { type: 'event_callback' },
      [],
      null,
      7,
    ])
      expect(await read(json), JSON.stringify(json)).toEqual(nothing);
  });

  test('events of another app are refused, where the app is named', async () => {
    expect(await read(slackEvent({}, { api_app_id: 'A0OTHER' }))).toBeUndefined();
    expect((await read(slackEvent({}, { api_app_id: 'A0OTHER' }), { appId: undefined }))?.kind).toBe('messages');
  });

  test('the address is confirmed once the signature holds, and not before', async () => {
    const asked = await slackRequest({
      token: 'x',
      type: 'url_verification',
      challenge: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P',
    });
    expect(await providerAccount('slack').verifyAndParse(asked, now)).toEqual({
      kind: 'challenge',
      answer: { contentType: 'text/plain', body: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P' },
    });
    expect(
      await providerAccount('slack').verifyAndParse(
        samples.slack.edit(asked, () => undefined),
        now,
      ),
    ).toBeUndefined();
  });

  test('bytes that are no UTF-8 are no message, although signed', async () => {
    const { subtle } = crypto;
    const body = Buffer.from([0x22, 0xff, 0x22]);
    const key = await subtle.importKey(
      'raw',
      Buffer.from('8f742231b10e8888abcd99yyyzzz85a5'),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign'],
    );
    const time = String(Math.floor(now.getTime() / 1000));
    const mac = Buffer.from(await subtle.sign('HMAC', key, Buffer.concat([Buffer.from(`v0:${time}:`), body])));
    const headers = { 'x-slack-request-timestamp': time, 'x-slack-signature': `v0=${mac.toString('hex')}` };
    expect(
      await providerAccount('slack').verifyAndParse({ method: 'POST', url: '', query: {}, headers, body }, now),
    ).toEqual(nothing);
  });
});
