/** Messages of all kinds on the local stack: files from each provider, hints, and the deletion of files. */
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { samplePicture } from '../../local/vault/provider-files.ts';
import { signedSlackWebhook, signedTwilioWebhook, type WebhookRequest } from '../../local/vault/signed-webhooks.ts';
import { bucketView } from '../blobs/blob-requests.ts';
import {
  mailgunSecrets,
  samples,
  sendgridFields,
  sendgridRequest,
  whatsappDelivery,
  whatsappMessage,
  whatsappRequest,
} from '../channels/signed-provider-requests.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { LocalConversations, newMember, newPhone } from './local-conversations.ts';

const stack = useLocalStack({ timeScale: 0.002 });
let talks: LocalConversations;

beforeAll(async () => {
  talks = new LocalConversations(stack);
  await talks.setUp();
  for (const name of ['whatsapp', 'sendgrid', 'mailgun'] as const) await talks.setSecrets(name, samples[name].secrets);
});

const textsOf = async (request: WebhookRequest) => (await talks.say(request)).map(({ text }) => text);
const withFile = `, with image/png of ${samplePicture.length} bytes`;
/** Keys of the objects of files. */
const fileKeys = async () =>
  (await bucketView(stack.vault).keys(stack.vault.org)).filter((key) => key.startsWith(`${stack.vault.org}/media/`));

describe('a picture without text is kept, opened by the responder and answered', () => {
  test('from Twilio, whose storage does not receive the credentials', async () => {
    const { accountSid } = talks.secrets.twilio;
    const media = `https://api.twilio.com/2010-04-01/Accounts/${accountSid}/Messages/MM${'0c'.repeat(16)}/Media/ME${'0d'.repeat(16)}`;
    const fields = { MediaContentType0: 'image/png', MediaUrl0: media, NumMedia: '1' };
    const request = signedTwilioWebhook(talks.hook('twilio/{org}'), talks.secrets.twilio, {
      from: newPhone(),
      text: '',
      fields,
    });
    expect(await textsOf(request)).toEqual([`You said: [image] (message 1 of this conversation)${withFile}`]);
  });

  test('from Slack', async () => {
    const file = {
      name: 'a.png',
      mimetype: 'image/png',
      url_private_download: 'https://files.slack.com/files-pri/T0123-F1/download/a.png',
    };
    const message = { user: newMember(), text: '', fields: { subtype: 'file_share', files: [file] } };
    const request = signedSlackWebhook(talks.hook('slack/{org}'), talks.secrets.slack, message);
    expect(await textsOf(request)).toEqual([`You said: [image "a.png"] (message 1 of this conversation)${withFile}`]);
  });

  test('from WhatsApp, by a person without a telephone number', async () => {
    const user = `US.${randomBytes(8).readBigUInt64BE()}`;
    const { text: _, from: __, ...message } = whatsappMessage(`wamid.${user}`, '', new Date(), { type: 'image' });
    const image = { ...message, from_user_id: user, image: { id: '1003383421387256', mime_type: 'image/png' } };
    const { headers, body } = await whatsappRequest(whatsappDelivery([image]));
    const before = stack.vault.providerRequests().length;
    const url = talks.hook('whatsapp/{org}');
    expect(await textsOf({ url, headers, body: body as never })).toEqual([
      `You said: [image] (message 1 of this conversation)${withFile}`,
    ]);
    expect(JSON.parse(stack.vault.providerRequests()[before]?.body ?? '')).toMatchObject({ recipient: user });
  });

  test('from email, encrypted from its receipt on; deleting its user deletes it', async () => {
    const bytes = randomBytes(300_000);
    const part = Buffer.concat([
      Buffer.from(
        '--xYzZY\r\nContent-Disposition: form-data; name="attachment1"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n',
      ),
      bytes,
      Buffer.from('\r\n'),
    ]);
    const { body } = await samples.sendgrid.request({ fields: { attachments: '1', text: '' }, at: new Date() });
    const { headers, body: whole } = sendgridRequest(Buffer.concat([part, body]), new Date());
    const url = talks.hook('sendgrid/{org}');
    const before = new Set(await fileKeys());
    const [answer] = await textsOf({ url, headers, body: whole as never });
    expect(answer).toMatch(
      /^You said: Question \(message \d+ of this conversation\), with image\/png of 300000 bytes$/,
    );
    const added = (await fileKeys()).filter((key) => !before.has(key));
    expect(added).toEqual([expect.stringMatching(/\/media\/[0-9a-z]{16}\/[0-9a-z]{16}\.enc$/)]);

    const send = async (text: string, seed: number) => {
      const signed = sendgridFields({ text });
      const changed = {
        ...signed,
        headers: signed.headers.replace(/b=AQEB/, `b=${Buffer.alloc(3, seed).toString('base64')}`),
      };
      const request = await samples.sendgrid.request({ fields: changed, at: new Date() });
      return await textsOf({ url, headers: request.headers, body: request.body as never });
    };
    const [asked = ''] = await send('delete my account', 5);
    const command = /delete my account [0-9A-Z]{6}$/.exec(asked)?.[0] ?? expect.fail(asked);
    expect((await send(command, 6)).join()).toContain('Your account is deleted');
    await stack.vault.whenQueuesEmpty();
    expect((await fileKeys()).filter((key) => added.includes(key))).toEqual([]);
  });
});

describe('a sender who is not accepted', () => {
  test('gets one hint a day, and becomes no user', async () => {
    const request = await samples.mailgun.request({ at: new Date(), fields: { 'message-headers': '[]' } });
    const url = `${talks.hook('mailgun/{org}')}/${mailgunSecrets.routeSecret}`;
    expect(await textsOf({ url, headers: request.headers, body: request.body as never })).toEqual([]);
    const unsigned = await samples.sendgrid.request({ at: new Date(), fields: { dkim: 'none' } });
    const toSendgrid = { url: talks.hook('sendgrid/{org}'), headers: unsigned.headers, body: unsigned.body as never };
    const [hint = '', ...more] = await textsOf(toSendgrid);
    expect(hint).toContain('could not be verified');
    expect([more, await textsOf(toSendgrid)]).toEqual([[], []]);
  });
});

test('STOP is left to the carrier, and a question after it is answered', async () => {
  const phone = newPhone();
  expect(await textsOf(talks.sms(phone, 'STOP'))).toEqual([]);
  expect(await textsOf(talks.sms(phone, 'Still there?'))).toEqual([
    'You said: Still there? (message 2 of this conversation)',
  ]);
});
