/**
 * The examples that providers publish pass verification, and this code agrees with the providers' own packages. Meta
 * has no package for Cloud API signatures and publishes no example with its secret. The same is true of Mailgun. For
 * these two, test/channels/signed-provider-requests.ts signs with WebCrypto.
 */

import sendgridSdk from '@sendgrid/eventwebhook';
import { isValidSlackRequest } from '@slack/bolt/dist/receivers/verify-request.js';
import fc from 'fast-check';
import { getExpectedTwilioSignature, validateRequest } from 'twilio/lib/webhooks/webhooks.js';
import { describe, expect, test } from 'vitest';
import type { WebhookRequest } from '../../lambdas/channels/channel-ports.ts';
import { parseSignedForm } from '../../lambdas/channels/providers/twilio.ts';
import {
  form,
  formType,
  later,
  now,
  providerAccount,
  samples,
  seconds,
  sendgridSecrets,
  slackSecrets,
  twilioSecrets,
  twilioUrl,
} from './signed-provider-requests.ts';

const request = (
  headers: Record<string, string>,
  body: string,
  url = 'https://vault.example.com/',
): WebhookRequest => ({
  method: 'POST',
  url,
  query: {},
  headers,
  body: Buffer.from(body),
});

describe('Twilio', () => {
  const signed = (url: string, body: string, signature: string) =>
    parseSignedForm(request({ 'content-type': formType, 'x-twilio-signature': signature }, body, url), '12345') !==
    undefined;
  const call = { CallSid: 'CA1234567890ABCDE', Digits: '1234', To: '+18005551212' };
  const documented = form({ ...call, Caller: '+14158675310', From: '+14158675310' });
  const packaged = form({ ...call, Caller: '+14158675309', From: '+14158675309' });

  test('the example of its documentation', () => {
    const signature = 'L/OH5YylLD5NRKLltdqwSvS0BnU=';
    expect(signed('https://example.com/myapp.php?foo=1&bar=2', documented, signature)).toBe(true);
    expect(signed('https://example.com/myapp.php?foo=1&bar=2', packaged, signature)).toBe(false);
  });

  test('the examples of its packages, with repeated parameters', () => {
    const url = 'https://mycompany.com/myapp.php?foo=1&bar=2';
    expect(signed(url, packaged, 'RSOYDt4T1cUTdK1PDd93/VVr8B8=')).toBe(true);
    const repeated = 'Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234';
    expect(signed(url, repeated, 'IK+Dwps556ElfBT0I3Rgjkr1wJU=')).toBe(true);
    expect(signed(url, repeated.replace('Digits=1234', 'Digits=1235'), 'IK+Dwps556ElfBT0I3Rgjkr1wJU=')).toBe(false);
  });

  test('a signature counts for its address alone: no other host, path, query, scheme or port', () => {
    const url = 'https://mycompany.com/myapp.php?foo=1&bar=2';
    const signature = 'RSOYDt4T1cUTdK1PDd93/VVr8B8=';
    expect(signed('https://mycompany.com:443/myapp.php?foo=1&bar=2', packaged, signature)).toBe(true);
    for (const other of [
      'http://mycompany.com/myapp.php?foo=1&bar=2',
      'https://mycompany.org/myapp.php?foo=1&bar=2',
      'https://MYCOMPANY.com/myapp.php?foo=1&bar=2',
      'https://mycompany.com:80/myapp.php?foo=1&bar=2',
      'https://mycompany.com:8443/myapp.php?foo=1&bar=2',
      'https://mycompany.com/myapp.php/?foo=1&bar=2',
      'https://mycompany.com/other.php?foo=1&bar=2',
      'https://mycompany.com/myapp.php?bar=2&foo=1',
      'https://mycompany.com/myapp.php?foo=1',
      'https://mycompany.com/myapp.php',
      `${url}&`,
      `${url}#`,
      'mycompany.com/myapp.php?foo=1&bar=2',
      '',
    ])
      expect(signed(other, packaged, signature), other).toBe(false);
  });

  test('its package signs what is taken here, and takes what it signs: any parameters in any order', async () => {
    const name = fc.stringMatching(/^[A-Za-z0-9]{1,12}$/);
    const token = twilioSecrets.authToken;
    await fc.assert(
      fc.property(fc.dictionary(name, fc.string({ unit: 'grapheme' })), fc.boolean(), (parameters, reversed) => {
        const signature = getExpectedTwilioSignature(token, twilioUrl, parameters);
        const entries = Object.entries(parameters);
        const body = form(Object.fromEntries(reversed ? entries.reverse() : entries));
        expect(
          parseSignedForm(
            request({ 'content-type': formType, 'x-twilio-signature': signature }, body, twilioUrl),
            token,
          ),
        ).toBeDefined();
        expect(validateRequest(token, signature, twilioUrl, parameters)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test('parameters in another order are the same message; values that change places are refused', async () => {
    const original = await samples.twilio.request();
    const fields = [...new URLSearchParams(Buffer.from(original.body).toString())];
    const turned = { ...original, body: Buffer.from(new URLSearchParams(fields.toReversed()).toString()) };
    expect(await providerAccount('twilio').verifyAndParse(turned, now)).toEqual(
      await providerAccount('twilio').verifyAndParse(original, now),
    );
    const swapped = new URLSearchParams(fields);
    swapped.set('From', '+447700900999');
    swapped.set('To', '+447700900123');
    expect(
      await providerAccount('twilio').verifyAndParse({ ...original, body: Buffer.from(swapped.toString()) }, now),
    ).toBeUndefined();
  });
});

describe('Slack', () => {
  const body =
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
  const headers = {
    'x-slack-request-timestamp': '1531420618',
    'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
  };
  const at = new Date(1_531_420_618_000);

  test('the example of its documentation, which is no message', async () => {
    expect(await providerAccount('slack').verifyAndParse(request(headers, body), at)).toEqual({ kind: 'nothing' });
    expect(
      await providerAccount('slack').verifyAndParse(request(headers, body.replace('foobar', 'foobaz')), at),
    ).toBeUndefined();
  });

  test('its package and this code agree about signatures and times', async () => {
    const { signingSecret } = slackSecrets;
    for (const by of [0, -299, -301, -86_400]) {
      const made = await samples.slack.request({ at: later(by) });
      for (const candidate of [made, samples.slack.edit(made, (signature) => `${signature.slice(0, -1)}x`)]) {
        const theirs = isValidSlackRequest({
          signingSecret,
          body: Buffer.from(candidate.body).toString(),
          headers: {
            'x-slack-signature': candidate.headers['x-slack-signature'] ?? '',
            'x-slack-request-timestamp': Number(candidate.headers['x-slack-request-timestamp']),
          },
          nowMilliseconds: now.getTime(),
        });
        expect((await providerAccount('slack').verifyAndParse(candidate, now)) !== undefined).toBe(theirs);
      }
    }
  });
});

describe('SendGrid', () => {
  const single = {
    publicKey:
      'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==',
    signature: 'MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=',
    timestamp: '1600112502',
    payload:
      '[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n',
  };
  const several = {
    publicKey:
      'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQ4LIFtWztlsF7skFqOncjD1lun4H5w8XOhyOArHW9RcIx/FfEzx6cikC/yPfUvwaX/JScE7Fc9CJD2afQ9Ok3Q==',
    signature: 'MEYCIQC/I4o6vCgqRYrTljjoVWB/GRWNtxeePlLMHr3x9ETeRQIhAIpV+03nREPTTHWSW0wIOA0EoMPdcNgXa70yCaqDJlu5',
    timestamp: '1619651159',
    payload:
      '[{"email":"invalid@gmail.com","event":"processed","send_at":0,"sg_event_id":"cHJvY2Vzc2VkLTE5OTQyMTEyLXFOd0JMZ1BRUWpXNkRKdktRd1NBYnctMA","sg_message_id":"qNwBLgPQQjW6DJvKQwSAbw.filterdrecv-canary-547b64655b-cw6zx-1-6089EA4A-56.0","smtp-id":"<qNwBLgPQQjW6DJvKQwSAbw@ismtpd0178p1mdw1.sendgrid.net>","timestamp":1619651146},\r\n{"email":"invalid@gmail.com","event":"bounce","ip":"167.89.101.76","reason":"552 5.2.2 The email account that you tried to reach is over quota and inactive. Please direct the recipient to https://support.google.com/mail/?p=OverQuotaPerm c17si1130468pgv.34 - gsmtp","sg_event_id":"Ym91bmNlLTAtMTk5NDIxMTItcU53QkxnUFFRalc2REp2S1F3U0Fidy0w","sg_message_id":"qNwBLgPQQjW6DJvKQwSAbw.filterdrecv-canary-547b64655b-cw6zx-1-6089EA4A-56.0","smtp-id":"<qNwBLgPQQjW6DJvKQwSAbw@ismtpd0178p1mdw1.sendgrid.net>","status":"5.2.2","timestamp":1619651147,"tls":1,"type":"blocked"}]\r\n',
  };

  test.each([single, several])(
    'the examples of its package, which are no mail',
    async ({ publicKey, signature, timestamp, payload }) => {
      const headers = {
        'content-type': 'application/json',
        'x-twilio-email-event-webhook-signature': signature,
        'x-twilio-email-event-webhook-timestamp': timestamp,
      };
      const at = new Date(Number(timestamp) * 1000);
      const made = request(headers, payload);
      expect(await providerAccount('sendgrid', { publicKey }).verifyAndParse(made, at)).toEqual({ kind: 'nothing' });
      expect(
        await providerAccount('sendgrid', { publicKey }).verifyAndParse(request(headers, payload.trimEnd()), at),
      ).toBeUndefined();
      expect(await providerAccount('sendgrid').verifyAndParse(made, at)).toBeUndefined();
    },
  );

  test('its package takes what is taken here', async () => {
    const sdk = new sendgridSdk.EventWebhook();
    const key = sdk.convertPublicKeyToECDSA(sendgridSecrets.publicKey);
    for (let n = 0; n < 5; n++) {
      const made = await samples.sendgrid.request({ text: `mail ${n}` });
      let signature = '';
      samples.sendgrid.edit(made, (found) => {
        signature = found;
        return found;
      });
      const body = Buffer.from(made.body);
      expect(sdk.verifySignature(key, body, signature, seconds(now))).toBe(true);
      expect(sdk.verifySignature(key, Buffer.concat([body, body]), signature, seconds(now))).toBe(false);
      expect((await providerAccount('sendgrid').verifyAndParse(made, now))?.kind).toBe('messages');
    }
  });
});

describe('WhatsApp', () => {
  test('the example that GitHub publishes for the same construction, which is no delivery', async () => {
    const headers = {
      'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    };
    const octocat = providerAccount('whatsapp', { appSecret: "It's a Secret to Everybody" });
    expect(await octocat.verifyAndParse(request(headers, 'Hello, World!'), now)).toEqual({ kind: 'nothing' });
    expect(await octocat.verifyAndParse(request(headers, 'Hello, World?'), now)).toBeUndefined();
  });
});
