/**
 * Every kind of message that the providers document: what the person wrote is text, what they attached is media, and
 * what cannot be read has a reason. Payloads follow the examples in the providers' documentation.
 */
import { describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import type { InboundMedia, WebhookContent } from '../../lambdas/channels/channel-ports.ts';
import {
  later,
  messagesOf,
  now,
  providerAccount,
  samples,
  slackEvent,
  slackRequest,
  twilioSecrets,
  whatsappDelivery,
  whatsappMessage,
  whatsappRequest,
} from './signed-provider-requests.ts';

const only = (content: WebhookContent | undefined) => {
  expect(messagesOf(content)).toHaveLength(1);
  return messagesOf(content)[0];
};

describe('Twilio', () => {
  const read = async (fields: Record<string, unknown>, text = '') =>
    await providerAccount('twilio').verifyAndParse(await samples.twilio.request({ fields, text }), now);
  const mediaUrl = (account = twilioSecrets.accountSid) =>
    `https://api.twilio.com/2010-04-01/Accounts/${account}/Messages/MM${'0c'.repeat(16)}/Media/ME${'0d'.repeat(16)}`;
  const ref = { message: `MM${'0c'.repeat(16)}`, media: `ME${'0d'.repeat(16)}` };

  test('a picture without text is a message with a file', async () => {
    const message = only(await read({ NumMedia: '1', MediaUrl0: mediaUrl(), MediaContentType0: 'image/jpeg' }));
    expect(message).toMatchObject({ text: '', media: [{ kind: 'image', type: 'image/jpeg', content: { ref } }] });
  });

  test.each(['constructor/x', '__proto__/x', 'toString', 'hasOwnProperty/png'])(
    'a file of the type %s, which its sender chose, is a file',
    async (type) => {
      const { media } = only(await read({ NumMedia: '1', MediaUrl0: mediaUrl(), MediaContentType0: type })) ?? {};
      expect(media?.map(({ kind }) => kind)).toEqual(['file']);
    },
  );

  test('the files of a message have their kinds', async () => {
    const types = ['image/png', 'video/mp4', 'audio/ogg', 'text/vcard', 'text/x-vcard', 'application/pdf', ''];
    const fields = Object.fromEntries(
      types.flatMap((type, at) => [
        [`MediaUrl${at}`, mediaUrl()],
        [`MediaContentType${at}`, type],
      ]),
    );
    const { media } = only(await read({ NumMedia: String(types.length), ...fields }, 'Look')) ?? {};
    expect(media?.map(({ kind }) => kind)).toEqual(['image', 'video', 'audio', 'contact', 'contact', 'file', 'file']);
  });

  test('a file of any other address is named and never fetched', async () => {
    for (const url of [
      'https://evil.example/x',
      mediaUrl(`AC${'2b'.repeat(16)}`),
      mediaUrl().replace('api.twilio.com', 'api.twilio.com.evil.example'),
      mediaUrl().replace('https:', 'http:'),
      `${mediaUrl()}/../x`,
      '',
    ]) {
      const { media } = only(await read({ NumMedia: '1', MediaUrl0: url })) ?? {};
      expect(media, url).toEqual([{ kind: 'file', content: { refusal: 'elsewhere' } }]);
    }
  });

  test.each([
    [
      'a location',
      { Latitude: '37.787890', Longitude: '-122.391664', Label: 'Twilio', Address: '375 Beale St' },
      '[location: Twilio, 375 Beale St, 37.787890 -122.391664]',
    ],
    ['a quick reply', { ButtonText: 'Yes', ButtonPayload: 'yes-1' }, 'Yes'],
    ['a chosen list entry', { ListTitle: 'Morning', ListId: 'am' }, 'Morning'],
    ['a filled form', { InteractiveData: '{"name":"Ada"}' }, '{"name":"Ada"}'],
  ])('%s is text', async (_, fields, text) => {
    const from = { From: 'whatsapp:+447700900123', To: 'whatsapp:+447700900999' };
    expect(only(await read({ ...from, ...fields }))?.text).toBe(text);
  });

  test('senders on WhatsApp and RCS are people, with or without a number', async () => {
    const identityOf = async (From: string, To: string) => only(await read({ From, To }, 'Hi'));
    expect(await identityOf('whatsapp:+447700900123', 'whatsapp:+447700900999')).toMatchObject({
      identity: 'whatsapp:+447700900123',
      replyTo: { to: 'whatsapp:+447700900123', from: 'whatsapp:+447700900999' },
    });
    expect((await identityOf('whatsapp:US.13491208655302741918', 'whatsapp:+447700900999'))?.identity).toBe(
      'whatsapp-user:US.13491208655302741918',
    );
    expect((await identityOf('rcs:+447700900123', 'rcs:brand_agent'))?.identity).toBe('tel:+447700900123');
    expect((await identityOf('+447700900123', '12345'))?.identity).toBe('tel:+447700900123');
  });

  test('a sender who cannot be identified gets a hint, except where only machines send', async () => {
    expect(await read({ From: 'messenger:4242' }, 'Hi')).toEqual({
      kind: 'nothing',
      reason: 'sender_unsupported',
      notices: [
        {
          kind: 'sender-unsupported',
          sender: 'messenger:4242',
          replyTo: { to: 'messenger:4242', from: '+447700900999' },
        },
      ],
    });
    for (const From of ['Brand', '12345'])
      expect(await read({ From }, 'Hi')).toEqual({ kind: 'nothing', reason: 'sender_unsupported', notices: [] });
    expect(await read({ From: '+447700900999' }, 'Hi')).toEqual({ kind: 'nothing', reason: 'automatic_message' });
  });

  test.each([
    ['STOP', 'stop'],
    [' stop\n', 'stop'],
    ['Unsubscribe', 'stop'],
    ['CANCEL', 'stop'],
    ['END', 'stop'],
    ['quit', 'stop'],
    ['STOPALL', 'stop'],
    ['REVOKE', 'stop'],
    ['OPTOUT', 'stop'],
    ['START', 'start'],
    ['UNSTOP', 'start'],
    ['HELP', 'help'],
    ['info', 'help'],
    ['STOP it', undefined],
    ['Please stop', undefined],
    ['yes', undefined],
  ])('%j is a keyword of the carrier: %s', async (text, keyword) => {
    expect(only(await read({}, text))?.carrierKeyword).toBe(keyword);
  });

  test('Twilio says which keyword of another language it answers, and WhatsApp has none', async () => {
    expect(only(await read({ OptOutType: 'STOP' }, 'ARRÊT'))?.carrierKeyword).toBe('stop');
    const from = { From: 'whatsapp:+447700900123', To: 'whatsapp:+447700900999' };
    expect(only(await read(from, 'STOP'))?.carrierKeyword).toBeUndefined();
  });
});

describe('WhatsApp', () => {
  const read = async (type: string, content: unknown, fields: object = {}) => {
    const { text: _, ...empty } = whatsappMessage('wamid.1', '', now, { type });
    const rest = { ...empty, [type]: content, ...fields };
    return await providerAccount('whatsapp').verifyAndParse(await whatsappRequest(whatsappDelivery([rest])), now);
  };

  test.each([
    [
      'image',
      { id: '1003383421387256', mime_type: 'image/jpeg', sha256: 'SfIn', caption: 'Taj Mahal' },
      'Taj Mahal',
      'image',
    ],
    ['image', { id: '1003383421387256', mime_type: 'image/jpeg' }, '', 'image'],
    ['video', { id: '1003383421387257', mime_type: 'video/mp4', caption: 'Look' }, 'Look', 'video'],
    ['audio', { id: '1003383421387258', mime_type: 'audio/ogg; codecs=opus', voice: true }, '', 'audio'],
    ['sticker', { id: '1003383421387259', mime_type: 'image/webp', animated: false }, '', 'sticker'],
    [
      'document',
      { id: '1003383421387260', mime_type: 'application/pdf', filename: 'a.pdf', caption: 'Read' },
      'Read',
      'file',
    ],
  ] as const)('%s is a file with its caption', async (type, content, text, kind) => {
    const message = only(await read(type, content));
    expect(message?.text).toBe(text);
    expect(message?.media).toMatchObject([{ kind, content: { ref: { id: content.id } } }]);
  });

  test('a document keeps its name, and its type without parameters', async () => {
    const content = { id: '1', mime_type: 'audio/ogg; codecs=opus', filename: 'a\u0000[b].ogg' };
    expect(only(await read('document', content))?.media?.[0]).toMatchObject({ name: 'a b .ogg', type: 'audio/ogg' });
  });

  const contact = {
    name: { formatted_name: 'Ada Lovelace', first_name: 'Ada' },
    phones: [{ phone: '+44 7700 900123', wa_id: '447700900123', type: 'CELL' }],
    emails: [{ email: 'ada@example.com' }],
    org: { company: 'Engines', title: 'Analyst' },
  };
  test.each([
    ['text', { body: 'Hello' }, 'Hello'],
    [
      'location',
      { latitude: 37.483307, longitude: 122.148981, name: 'HQ', address: '1 Way' },
      '[location: HQ, 1 Way, 37.483307 122.148981]',
    ],
    ['location', { latitude: 1, longitude: 2 }, '[location: 1 2]'],
    ['contacts', [contact], '[contact: Ada Lovelace, +44 7700 900123, ada@example.com, Analyst, Engines]'],
    ['button', { payload: 'No-Button-Payload', text: 'No' }, 'No'],
    ['interactive', { type: 'button_reply', button_reply: { id: 'b1', title: 'Confirm' } }, 'Confirm'],
    [
      'interactive',
      { type: 'list_reply', list_reply: { id: 'l1', title: 'Express', description: 'One day' } },
      'Express\nOne day',
    ],
    [
      'interactive',
      { type: 'nfm_reply', nfm_reply: { name: 'flow', body: 'Sent', response_json: '{"size":"M"}' } },
      'Sent\n{"size":"M"}',
    ],
    [
      'order',
      {
        catalog_id: '1',
        text: 'Soon, please',
        product_items: [{ product_retailer_id: 'sku-1', quantity: 2, item_price: 3.5, currency: 'EUR' }],
      },
      'Soon, please\n[order: 2 × sku-1 at 3.5 EUR]',
    ],
  ])('%s is text', async (type, content, text) => {
    expect(only(await read(type, content))?.text).toBe(text);
  });

  test('members that are null are absent', async () => {
    const picture = { id: '1', caption: null, filename: null, mime_type: 'image/jpeg' };
    expect(only(await read('image', picture))).toMatchObject({ text: '', media: [{ kind: 'image' }] });
    const nameless = { name: { formatted_name: 'Ada' }, phones: null, emails: null, org: null, birthday: null };
    expect(only(await read('contacts', [nameless]))?.text).toBe('[contact: Ada]');
    expect(only(await read('text', { body: 'Hello' }, { group_id: null }))?.text).toBe('Hello');
  });

  test('a kind that Meta does not pass on gets a hint and a reason', async () => {
    const hint = {
      kind: 'nothing',
      reason: 'message_unsupported',
      notices: [{ kind: 'message-unsupported', sender: 'whatsapp:+447700900123', replyTo: { to: '447700900123' } }],
    };
    const errors = [{ code: 131_051, title: 'Message type unknown' }];
    expect(await read('unsupported', { type: 'unknown' }, { errors })).toEqual(hint);
    for (const type of ['ephemeral', 'constructor', '__proto__', 'poll'])
      expect(await read(type, {}), type).toEqual(hint);
    // A known kind with other content.
    expect(await read('image', { link: 'x' })).toEqual(hint);
  });

  test('reactions, edits and events cause no answer', async () => {
    expect(await read('reaction', { message_id: 'wamid.0', emoji: '👍' })).toEqual({
      kind: 'nothing',
      reason: 'message_unsupported',
    });
    expect(await read('edit', {})).toEqual({ kind: 'nothing', reason: 'edited_message' });
    expect(await read('system', { body: 'Ada changed from 1 to 2', type: 'user_changed_number' })).toEqual({
      kind: 'nothing',
    });
    expect(await read('interactive', { type: 'call_permission_reply' })).toEqual({
      kind: 'nothing',
      reason: 'message_unsupported',
    });
    expect(await read('text', { body: 'x' }, { from: '15550783881' })).toEqual({
      kind: 'nothing',
      reason: 'automatic_message',
    });
  });

  test('people without a telephone number are identified by what Meta calls them, and answered', async () => {
    const user = 'US.13491208655302741918';
    const expected = { identity: `whatsapp-user:${user}`, replyTo: { user } };
    expect(only(await read('text', { body: 'Hi' }, { from: undefined, from_user_id: user }))).toMatchObject(expected);
    expect(only(await read('text', { body: 'Hi' }, { from: user }))).toMatchObject(expected);
    const parent = 'US.ENT.11815799212886844830';
    expect(only(await read('text', { body: 'Hi' }, { from: undefined, from_user_id: parent }))?.identity).toBe(
      `whatsapp-user:${parent}`,
    );
    // A number, if there is one, stays the identity.
    expect(only(await read('text', { body: 'Hi' }, { from_user_id: user }))?.identity).toBe('whatsapp:+447700900123');
    const { from: _, ...message } = whatsappMessage('wamid.1', 'Hi', now);
    const delivery = whatsappDelivery([message]);
    const [change] = delivery.entry[0]?.changes ?? [];
    Object.assign(change?.value ?? {}, { contacts: [{ profile: { name: 'Ada', username: '@ada' }, user_id: user }] });
    const content = await providerAccount('whatsapp').verifyAndParse(await whatsappRequest(delivery), now);
    expect(only(content)).toMatchObject(expected);
  });

  test('one unreadable message does not hide those beside it', async () => {
    const { text: _, ...image } = whatsappMessage('wamid.2', '', now, { type: 'unsupported' });
    const delivery = whatsappDelivery([image, null, whatsappMessage('wamid.1', 'Hi', now)]);
    const content = await providerAccount('whatsapp').verifyAndParse(await whatsappRequest(delivery), now);
    expect(only(content)?.text).toBe('Hi');
    expect(content).toMatchObject({ reason: 'message_unsupported', notices: [{ kind: 'message-unsupported' }] });
  });
});

describe('Slack', () => {
  const read = async (event: object) =>
    await providerAccount('slack').verifyAndParse(await slackRequest(slackEvent(event)), now);
  const file = {
    id: 'F0S43P1CZ',
    name: 'whale.png',
    mimetype: 'image/png',
    size: 1_000,
    mode: 'hosted',
    is_external: false,
    url_private: 'https://files.slack.com/files-pri/T0123-F0S43P1CZ/whale.png',
    url_private_download: 'https://files.slack.com/files-pri/T0123-F0S43P1CZ/download/whale.png',
  };
  const shared = (files: readonly object[], text = '') => read({ subtype: 'file_share', text, files });

  test('shared files are a message, with and without text', async () => {
    const media: InboundMedia = {
      kind: 'image',
      name: 'whale.png',
      type: 'image/png',
      content: { ref: { path: '/files-pri/T0123-F0S43P1CZ/download/whale.png' } },
    };
    expect(only(await shared([file]))).toMatchObject({ text: '', media: [media] });
    expect(only(await shared([file, file], 'Look'))).toMatchObject({ text: 'Look', media: [media, media] });
  });

  test.each([
    ['elsewhere', { url_private_download: 'https://evil.example/files-pri/x' }],
    ['elsewhere', { url_private_download: 'https://files.slack.com.evil.example/files-pri/x' }],
    ['elsewhere', { url_private_download: 'https://files.slack.com/api/files.delete' }],
    ['elsewhere', { is_external: true }],
    ['unavailable', { mode: 'tombstone' }],
    ['unavailable', { mode: 'hidden_by_limit' }],
    ['unavailable', { file_access: 'check_file_info' }],
    ['too-large', { size: limits.mediaBytes + 1 }],
  ] as const)('a file that cannot be fetched is named: %s', async (refusal, fields) => {
    expect(only(await shared([{ ...file, ...fields }]))?.media?.[0]?.content).toEqual({ refusal });
  });

  test('subtypes that a person writes are messages; the others have a reason', async () => {
    for (const subtype of ['me_message', 'thread_broadcast', 'file_share'])
      expect(only(await read({ subtype }))?.text, subtype).toBe('Hello');
    expect(await read({ subtype: 'message_changed' })).toEqual({ kind: 'nothing', reason: 'edited_message' });
    expect(await read({ subtype: 'channel_topic' })).toEqual({ kind: 'nothing', reason: 'message_unsupported' });
  });

  test('a message of blocks, and what is forwarded, is text', async () => {
    const blocks = [
      {
        type: 'rich_text',
        elements: [
          {
            type: 'rich_text_section',
            elements: [
              { type: 'text', text: 'See ' },
              { type: 'link', url: 'https://example.com' },
              { type: 'emoji', name: 'eyes' },
            ],
          },
        ],
      },
    ];
    expect(only(await read({ text: '', blocks }))?.text).toContain('See https://example.com:eyes:');
    const attachments = [{ fallback: '[Bob] the plan', text: 'the plan &amp; more', is_share: true }];
    expect(only(await read({ text: 'FYI', attachments }))?.text).toBe('FYI\n[forwarded: the plan & more]');
  });

  test('who and what a message of blocks names is text', async () => {
    const elements = [
      { type: 'user', user_id: 'U0789' },
      { type: 'text', text: ' and ' },
      { type: 'channel', channel_id: 'C0789' },
      { type: 'broadcast', range: 'here' },
      { type: 'usergroup', usergroup_id: 'S0789' },
      { type: 'date', timestamp: 1_720_710_212, format: '{date}', fallback: 'July 11' },
      { type: 'color', value: '#F405B3' },
      { type: 'constructor', text: '.' },
    ];
    const blocks = [{ type: 'rich_text', elements: [{ type: 'rich_text_section', elements }] }];
    expect(only(await read({ text: '', blocks }))?.text.trim()).toBe(
      '<@U0789> and <#C0789><!here><!subteam^S0789>July 11#F405B3.',
    );
  });

  test('the files of a forwarded message are media, also without text', async () => {
    const attachments = [
      { is_share: true, files: [file] },
      { text: 'and this', files: [file, file] },
    ];
    const message = only(await read({ text: '', attachments }));
    expect(message).toMatchObject({ text: '[forwarded: and this]', media: [{}, {}, {}] });
    expect(message?.media?.[0]).toMatchObject({ kind: 'image', name: 'whale.png' });
  });

  test('members that are null are absent, and a message of another form has a reason', async () => {
    const absent = {
      bot_id: null,
      app_id: null,
      thread_ts: null,
      files: null,
      blocks: null,
      edited: null,
      hidden: null,
    };
    expect(only(await read(absent))?.text).toBe('Hello');
    expect(await read({ text: { text: 'Hello' } })).toEqual({ kind: 'nothing', reason: 'message_unsupported' });
    expect(await read({ files: 'F0' })).toEqual({ kind: 'nothing', reason: 'message_unsupported' });
    expect(await read({ files: 'F0', channel_type: 'channel' })).toEqual({ kind: 'nothing' });
  });

  test('an edited or repeated mention is the same message', async () => {
    const mention = { type: 'app_mention', channel: 'C123', channel_type: undefined, text: '<@U0VAULT> hi' };
    const idOf = async (event: object, outer: object = {}) =>
      only(await providerAccount('slack').verifyAndParse(await slackRequest(slackEvent(event, outer)), now))
        ?.deliveryId;
    const ts = `${Math.floor(now.getTime() / 1000) - 60}.000100`;
    const first = await idOf({ ...mention, ts });
    const edited = { ...mention, ts, text: '<@U0VAULT> hi!', edited: { user: 'U0456', ts: '1355517999.0' } };
    expect(await idOf(edited, { event_id: 'EvOTHER' })).toBe(first);
    expect(await idOf({ ...mention, ts: `${ts}1` })).not.toBe(first);
    // The ID of the first is no longer stored.
    const old = { ...edited, ts: String(Math.floor(later(-3 * 86_400).getTime() / 1000)) };
    expect(await read(old)).toEqual({ kind: 'nothing', reason: 'edited_message' });
  });

  test('a member of another workspace gets a hint', async () => {
    expect(await read({ user_team: 'T9999' })).toEqual({
      kind: 'nothing',
      reason: 'sender_unsupported',
      notices: [{ kind: 'sender-unsupported', sender: 'T9999/U0456', replyTo: { channel: 'D024BE91L' } }],
    });
  });
});
