/** Conversations on the local stack, with signed HTTP requests, the emulated queue and the bundled functions. */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { ProviderRequest } from '../../local/vault/provider-emulator.ts';
import {
  type ChannelSecrets,
  newChannelSecrets,
  sendWebhook,
  signedSlackWebhook,
  signedTwilioWebhook,
  type WebhookRequest,
} from '../../local/vault/signed-webhooks.ts';
import type { LocalStack } from '../shared/local-stack.ts';

/** A new phone number. */
export const newPhone = (): string => `+44${String(7_000_000_000 + randomBytes(4).readUInt32BE())}`;
export const newMember = (): string => `U${randomBytes(6).toString('hex').toUpperCase()}`;

/** An answer that was sent to a provider: recipient and text. */
export interface ProviderAnswer {
  readonly to: string;
  readonly text: string;
  readonly at: Date;
}

export function parseProviderAnswer({ provider, body, receivedAt }: ProviderRequest): ProviderAnswer {
  if (provider === 'twilio' || provider === 'mailgun') {
    const form = new URLSearchParams(body);
    const field = (...names: string[]) => names.map((name) => form.get(name) ?? '').join('');
    return { to: field('To', 'to'), text: field('Body', 'text'), at: receivedAt };
  }
  const json = JSON.parse(body);
  if (provider === 'slack') return { to: json.channel, text: json.text, at: receivedAt };
  if (provider === 'whatsapp') return { to: json.to, text: json.text.body, at: receivedAt };
  return { to: json.personalizations[0].to[0].email, text: json.content[0].value, at: receivedAt };
}

/** Configures Twilio and Slack for the first org, and sends messages. */
export class LocalConversations {
  readonly secrets: ChannelSecrets = newChannelSecrets();
  readonly #stack: LocalStack;

  constructor(stack: LocalStack) {
    this.#stack = stack;
  }

  async setUp(): Promise<void> {
    for (const [channel, secrets] of Object.entries(this.secrets)) await this.setSecrets(channel, secrets);
  }

  async setSecrets(channel: string, secrets: unknown): Promise<void> {
    await this.#stack.clientOf(this.#stack.vault.adminKey).vault.set(`channels/${channel}`, JSON.stringify(secrets));
  }

  hook(path: string): string {
    const { url, org } = this.#stack.vault;
    return `${url}/v1/hooks/${path.replace('{org}', org)}`;
  }

  sms(from: string, text: string, sid?: string): WebhookRequest {
    const message = { from, text, ...(sid === undefined ? {} : { sid }) };
    return signedTwilioWebhook(this.hook('twilio/{org}'), this.secrets.twilio, message);
  }

  slack(user: string, text: string, id?: string): WebhookRequest {
    const message = { user, text, ...(id === undefined ? {} : { id }) };
    return signedSlackWebhook(this.hook('slack/{org}'), this.secrets.slack, message);
  }

  /** Delivers messages, waits until they are processed, and returns the answers. */
  async say(...deliveries: readonly WebhookRequest[]): Promise<ProviderAnswer[]> {
    const { vault } = this.#stack;
    const before = vault.providerRequests().length;
    for (const delivery of deliveries) expect((await sendWebhook(delivery)).status).toBe(200);
    await vault.whenQueuesEmpty();
    return vault.providerRequests().slice(before).map(parseProviderAnswer);
  }
}
