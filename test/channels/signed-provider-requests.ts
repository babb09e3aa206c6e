/** Requests of the five providers, signed with WebCrypto and the providers' packages instead of the code under test. */
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import type {
  ChannelName,
  ChannelProvider,
  ProviderAccount,
  ProviderHttp,
  WebhookContent,
  WebhookRequest,
} from '../../lambdas/channels/channel-ports.ts';
import { channelProviders } from '../../lambdas/channels/providers/provider-registry.ts';

export const now = new Date('2026-11-21T10:00:00.400Z');
export const seconds = (at: Date): string => String(Math.floor(at.getTime() / 1000));
export const later = (by: number, from = now): Date => new Date(from.getTime() + by * 1000);

/** An HTTP client that must not be called. */
export const unusableHttpClient: ProviderHttp = {
  baseUrlOverride: undefined,
  fetch: () => {
    throw new Error('no request was expected');
  },
};

export async function hmacHex(key: string, text: string | Uint8Array): Promise<string> {
  const usages: KeyUsage[] = ['sign'];
  const secret = await crypto.subtle.importKey(
    'raw',
    Buffer.from(key),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    usages,
  );
  return Buffer.from(await crypto.subtle.sign('HMAC', secret, Buffer.from(text))).toString('hex');
}

export interface MessageParts {
  readonly text: string;
  /** The time of the signature. */
  readonly at: Date;
  /** Fields that override the default fields. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Creates and modifies the requests of one provider. */
export interface ProviderSample {
  readonly channel: ChannelProvider;
  readonly secrets: Readonly<Record<string, unknown>>;
  /** The secret field for signature verification, and a different value for it. */
  readonly signing: { readonly field: string; readonly other: unknown };
  readonly request: (parts?: Partial<MessageParts>) => Promise<WebhookRequest>;
  /** Changes the signature of a request; undefined removes it. */
  readonly edit: (request: WebhookRequest, change: (signature: string) => string | undefined) => WebhookRequest;
}

const base = 'https://vault.example.com/v1/hooks';
const post = (name: ChannelName, headers: Record<string, string>, body: string | Uint8Array): WebhookRequest => ({
  method: 'POST',
  url: `${base}/${name}/0123456789abcdef`,
  query: {},
  headers,
  body: Buffer.from(body),
});

const editHeader =
  (name: string): ProviderSample['edit'] =>
  (request, change) => {
    const { [name]: signature = '', ...headers } = request.headers;
    const changed = change(signature);
    return { ...request, headers: changed === undefined ? headers : { ...headers, [name]: changed } };
  };

/** Encodes a form. Each value of a list is a separate field. */
export const form = (fields: Readonly<Record<string, unknown>>): string =>
  new URLSearchParams(
    Object.entries(fields).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, String(one)]),
    ),
  ).toString();
export const formType = 'application/x-www-form-urlencoded';

export const boundary = 'xYzZY';
/** A multipart/form-data body as SendGrid sends it. Values can be bytes in any encoding. */
export function multipart(fields: readonly (readonly [name: string, value: string | Uint8Array])[]): Buffer {
  const part = ([name, value]: readonly [string, string | Uint8Array]) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`),
    Buffer.from(value),
    Buffer.from('\r\n'),
  ];
  return Buffer.concat([...fields.flatMap(part), Buffer.from(`--${boundary}--\r\n`)]);
}
export const multipartType = `multipart/form-data; boundary=${boundary}`;

export const twilioSecrets = { authToken: 'f0e1d2c3b4a5968778695a4b3c2d1e0f', accountSid: `AC${'1a'.repeat(16)}` };
export const twilioUrl = `${base}/twilio/0123456789abcdef?from=sms&x=%20y`;
export const twilioFields = {
  ToCountry: 'GB',
  SmsMessageSid: `SM${'0b'.repeat(16)}`,
  NumMedia: '0',
  SmsStatus: 'received',
  To: '+447700900999',
  NumSegments: '1',
  MessageSid: `SM${'0b'.repeat(16)}`,
  AccountSid: twilioSecrets.accountSid,
  From: '+447700900123',
  ApiVersion: '2010-04-01',
};

const twilio: ProviderSample = {
  channel: channelProviders.twilio,
  secrets: twilioSecrets,
  signing: { field: 'authToken', other: 'another' },
  request: async ({ text = 'Hello, vault & co. + émoji 🗝', fields = {} } = {}) => {
    const all = { ...twilioFields, Body: text, ...fields };
    const signature = getExpectedTwilioSignature(twilioSecrets.authToken, twilioUrl, all);
    const headers = { 'content-type': `${formType}; charset=UTF-8`, 'x-twilio-signature': signature };
    return { ...post('twilio', headers, form(all)), url: twilioUrl };
  },
  edit: editHeader('x-twilio-signature'),
};

export const whatsappSecrets = {
  appSecret: '5ebe2294ecd0e0f08eab7690d2a6ee69',
  verifyToken: 'made-up-by-the-org-1',
  phoneNumberId: '106540352242922',
  accessToken: 'EAAJB-token',
};
export const whatsappMessage = (id: string, text: string, at: Date, fields: object = {}) => ({
  from: '447700900123',
  id,
  timestamp: seconds(at),
  type: 'text',
  text: { body: text },
  ...fields,
});
export const whatsappDelivery = (messages: readonly unknown[], phoneNumberId = whatsappSecrets.phoneNumberId) => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: '102290129340398',
      changes: [
        {
          field: 'messages',
          value: {
            messaging_product: 'whatsapp',
            metadata: { display_phone_number: '15550783881', phone_number_id: phoneNumberId },
            contacts: [{ profile: { name: 'Ada' }, wa_id: '447700900123' }],
            messages,
          },
        },
      ],
    },
  ],
});
export async function whatsappRequest(json: unknown): Promise<WebhookRequest> {
  const body = JSON.stringify(json);
  const signature = `sha256=${await hmacHex(whatsappSecrets.appSecret, body)}`;
  return post('whatsapp', { 'content-type': 'application/json', 'x-hub-signature-256': signature }, body);
}

const whatsapp: ProviderSample = {
  channel: channelProviders.whatsapp,
  secrets: whatsappSecrets,
  signing: { field: 'appSecret', other: 'another' },
  request: ({ text = 'Hello', at = now, fields = {} } = {}) =>
    whatsappRequest(whatsappDelivery([whatsappMessage('wamid.HBgLNDQ3NzAwOTAwMTIz', text, at, fields)])),
  edit: editHeader('x-hub-signature-256'),
};

export const slackSecrets = {
  signingSecret: '8f742231b10e8888abcd99yyyzzz85a5',
  botToken: 'xoxb-17653672481',
  appId: 'A0VAULT',
};
export const slackEvent = (event: object, outer: object = {}) => ({
  token: 'XXYYZZ',
  team_id: 'T0123',
  api_app_id: 'A0VAULT',
  type: 'event_callback',
  event_id: 'Ev0PV52K21',
  event_time: 1_355_517_523,
  event: {
    type: 'message',
    channel_type: 'im',
    channel: 'D024BE91L',
    user: 'U0456',
    text: 'Hello',
    ts: '1355517523.000005',
    ...event,
  },
  ...outer,
});
export async function slackRequest(json: unknown, at = now): Promise<WebhookRequest> {
  const body = JSON.stringify(json);
  const signature = `v0=${await hmacHex(slackSecrets.signingSecret, `v0:${seconds(at)}:${body}`)}`;
  const headers = { 'x-slack-request-timestamp': seconds(at), 'x-slack-signature': signature };
  return post('slack', { 'content-type': 'application/json', ...headers }, body);
}

const slack: ProviderSample = {
  channel: channelProviders.slack,
  secrets: slackSecrets,
  signing: { field: 'signingSecret', other: 'another' },
  request: ({ text = 'Hello', at = now, fields = {} } = {}) => slackRequest(slackEvent({ text, ...fields }), at),
  edit: editHeader('x-slack-signature'),
};

/** A DKIM-Signature header with bytes derived from `seed`. */
export const dkim = (
  domain: string,
  { seed = 1, covers = 'from:to:subject:date:message-id', extra = '' } = {},
): string =>
  `v=1; a=rsa-sha256; c=relaxed/relaxed; d=${domain}; s=mail;\r\n\th=${covers}; bh=${Buffer.alloc(32, 7).toString('base64')};${extra}\r\n b=${Buffer.alloc(
    256,
    seed,
  )
    .toString('base64')
    .replace(/(.{60})/g, '$1\r\n\t')}`;

export type Pairs = readonly (readonly [string, string])[];
/** Headers of an email from Ada to the vault. `changes` override the default headers. */
export function mailPairs(changes: Readonly<Record<string, string | readonly string[]>> = {}): Pairs {
  const usual: Record<string, string | readonly string[]> = {
    Received:
      'from mail.example.com (mail.example.com [192.0.2.1]) by mx.example.net with ESMTPS id 1; Sat, 21 Nov 2026 09:59:58 +0000',
    'DKIM-Signature': dkim('example.com'),
    From: 'Ada Lovelace <Ada@Example.com>',
    To: 'Vault <vault@in.example.net>',
    Subject: 'Question',
    Date: 'Sat, 21 Nov 2026 09:59:57 +0000',
    'Message-ID': '<question-1@example.com>',
    ...changes,
  };
  return Object.entries(usual).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, value]),
  );
}

export const mailgunSecrets = {
  signingKey: 'key-3ax6xnjp29jd6fds4gc373sgvjxteol0',
  routeSecret: 'AAAAAAAAAAAAAAAAAAAAAA',
  spamFilter: 'mark',
  address: 'vault@in.example.net',
  apiKey: 'sending-key',
  domain: 'in.example.net',
};
export const mailgunToken = '0123456789abcdef0123456789abcdef0123456789abcdef01';
/** Adds the headers that Mailgun adds to an email. */
export const marked = (pairs: Pairs, result = 'Pass'): Pairs => [
  ['X-Mailgun-Incoming', 'Yes'],
  ['X-Envelope-From', '<ada@example.com>'],
  ...pairs,
  ['X-Mailgun-Sflag', 'No'],
  ['X-Mailgun-Sscore', '-0.7'],
  ['X-Mailgun-Spf', 'Pass'],
  ['X-Mailgun-Dkim-Check-Result', result],
];
export async function mailgunFields({ text = 'Hello', at = now, fields = {} }: Partial<MessageParts> = {}) {
  return {
    recipient: 'vault@in.example.net',
    sender: 'ada@example.com',
    from: 'Ada Lovelace <Ada@Example.com>',
    subject: 'Question',
    'body-plain': `${text}\r\n\r\n> earlier`,
    'stripped-text': text,
    timestamp: seconds(at),
    token: mailgunToken,
    signature: await hmacHex(mailgunSecrets.signingKey, `${seconds(at)}${mailgunToken}`),
    'message-headers': JSON.stringify(marked(mailPairs())),
    ...fields,
  };
}
const toMailgun = (headers: Record<string, string>, body: string | Uint8Array): WebhookRequest => ({
  ...post('mailgun', headers, body),
  url: `${base}/mailgun/0123456789abcdef/${mailgunSecrets.routeSecret}`,
  pathSecret: mailgunSecrets.routeSecret,
});
export const mailgunRequest = async (parts: Partial<MessageParts> = {}): Promise<WebhookRequest> =>
  toMailgun({ 'content-type': formType }, form(await mailgunFields(parts)));
export const mailgunMultipart = async (parts: Partial<MessageParts> = {}): Promise<WebhookRequest> => {
  const fields = Object.entries(await mailgunFields(parts)).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  return toMailgun({ 'content-type': multipartType }, multipart(fields));
};

const mailgun: ProviderSample = {
  channel: channelProviders.mailgun,
  secrets: mailgunSecrets,
  signing: { field: 'signingKey', other: 'another' },
  request: mailgunRequest,
  edit: (request, change) => {
    const fields = new URLSearchParams(Buffer.from(request.body).toString());
    const changed = change(fields.get('signature') ?? '');
    fields.delete('signature');
    if (changed !== undefined) fields.set('signature', changed);
    return { ...request, body: Buffer.from(fields.toString()) };
  },
};

const p256 = () => {
  const pair = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
  });
  return { publicKey: pair.publicKey.toString('base64'), privateKey: pair.privateKey };
};
export const sendgridKeys = p256();
export const sendgridSecrets = { publicKey: sendgridKeys.publicKey, address: 'vault@in.example.net', apiKey: 'SG.key' };
export const sendgridFields = ({ text = 'Hello', fields = {} }: Partial<MessageParts> = {}) => ({
  headers: headerText(mailPairs()),
  dkim: '{@example.com : pass}',
  to: 'Vault <vault@in.example.net>',
  from: 'Ada Lovelace <Ada@Example.com>',
  subject: 'Question',
  text,
  envelope: '{"to":["vault@in.example.net"],"from":"ada@example.com"}',
  charsets: '{"to":"UTF-8","from":"UTF-8","subject":"UTF-8","text":"UTF-8"}',
  SPF: 'pass',
  ...fields,
});
export const headerText = (pairs: Pairs): string => pairs.map(([name, value]) => `${name}: ${value}\n`).join('');
export function sendgridRequest(body: Uint8Array, at = now): WebhookRequest {
  const key = createPrivateKey({ key: sendgridKeys.privateKey, format: 'der', type: 'pkcs8' });
  const signature = sign('sha256', Buffer.concat([Buffer.from(seconds(at)), body]), key).toString('base64');
  const headers = {
    'content-type': multipartType,
    'x-twilio-email-event-webhook-timestamp': seconds(at),
    'x-twilio-email-event-webhook-signature': signature,
  };
  return post('sendgrid', headers, body);
}
const entries = (fields: object): [string, string | Uint8Array][] => Object.entries(fields);

const sendgrid: ProviderSample = {
  channel: channelProviders.sendgrid,
  secrets: sendgridSecrets,
  signing: { field: 'publicKey', other: p256().publicKey },
  request: async (parts = {}) => sendgridRequest(multipart(entries(sendgridFields(parts))), parts.at),
  edit: editHeader('x-twilio-email-event-webhook-signature'),
};

export const samples: Readonly<Record<ChannelName, ProviderSample>> = { twilio, whatsapp, slack, mailgun, sendgrid };

/** The provider account of a channel with the default secrets, with some of them changed. */
export function providerAccount(
  name: ChannelName,
  changes: object = {},
  carrier: ProviderHttp = unusableHttpClient,
): ProviderAccount {
  const found = samples[name].channel.accountFor({ ...samples[name].secrets, ...changes }, carrier);
  if (found === undefined) throw new Error(`${name} is not configured`);
  return found;
}

/** The messages of webhook content; empty for every other kind. */
export const messagesOf = (reading: WebhookContent | undefined) =>
  reading?.kind === 'messages' ? reading.messages : [];
