/** Creates correctly signed webhook requests of Twilio and Slack, for demonstrations and tests. */
import { createHash, createHmac, randomBytes } from 'node:crypto';

/** Creates random secrets for the values `channels/twilio` and `channels/slack`. */
export const newChannelSecrets = () => ({
  twilio: { authToken: randomBytes(16).toString('hex'), accountSid: `AC${randomBytes(16).toString('hex')}` },
  slack: { signingSecret: randomBytes(16).toString('hex'), botToken: `xoxb-${randomBytes(12).toString('hex')}` },
});
export type ChannelSecrets = ReturnType<typeof newChannelSecrets>;

export interface WebhookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface TwilioMessage {
  readonly from: string;
  readonly text: string;
  readonly sid?: string;
  /** Further fields of the form. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** The webhook request of an SMS (twilio.com/docs/usage/webhooks/webhooks-security). @param url URL of the webhook */
export function signedTwilioWebhook(
  url: string,
  { authToken, accountSid }: ChannelSecrets['twilio'],
  { from, text, sid = `SM${randomBytes(16).toString('hex')}`, fields: more = {} }: TwilioMessage,
): WebhookRequest {
  const fields = { AccountSid: accountSid, Body: text, From: from, MessageSid: sid, To: '+447700900999', ...more };
  // Twilio signs the fields sorted by the bytes of their names.
  const sorted = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  const signed = url + sorted.flat().join('');
  const signature = createHmac('sha1', authToken).update(signed).digest('base64');
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature };
  return { url, headers, body: new URLSearchParams(fields).toString() };
}

export interface SlackMessage {
  readonly user: string;
  readonly text: string;
  readonly id?: string;
  /** Further fields of the event. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/**
 * The webhook request of a direct message (docs.slack.dev/authentication/verifying-requests-from-slack).
 * @param url URL of the webhook
 */
export function signedSlackWebhook(
  url: string,
  { signingSecret }: ChannelSecrets['slack'],
  { user, text, id = `Ev${randomBytes(8).toString('hex')}`, fields = {} }: SlackMessage,
): WebhookRequest {
  const channel = { type: 'message', channel_type: 'im', channel: 'D024BE91L' };
  // Slack identifies a message by its channel and time. The same ID is the same message.
  const ts = `1355517523.${BigInt(`0x${createHash('sha256').update(id).digest('hex').slice(0, 12)}`)}`;
  const event = { ...channel, user, text, ts, ...fields };
  const body = JSON.stringify({ type: 'event_callback', team_id: 'T0123', api_app_id: 'A1', event_id: id, event });
  const time = String(Math.floor(Date.now() / 1000));
  const signature = `v0=${createHmac('sha256', signingSecret).update(`v0:${time}:${body}`).digest('hex')}`;
  const signatures = { 'x-slack-request-timestamp': time, 'x-slack-signature': signature };
  return { url, headers: { 'content-type': 'application/json', ...signatures }, body };
}

export const sendWebhook = async ({ url, headers, body }: WebhookRequest): Promise<Response> =>
  await fetch(url, { method: 'POST', headers, body });
