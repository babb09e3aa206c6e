/**
 * Signatures of a body like those of providers' webhooks. Sources: Stripe, "Verify webhook signatures manually"; Slack,
 * "Verifying requests from Slack"; GitHub, "Validating webhook deliveries".
 */
import { createHmac } from 'node:crypto';

export type WebhookScheme = 'stripe' | 'slack' | 'github';

/** Names of the headers that a scheme sets. */
export const webhookHeaders: Readonly<Record<WebhookScheme, readonly string[]>> = {
  stripe: ['stripe-signature'],
  slack: ['x-slack-request-timestamp', 'x-slack-signature'],
  github: ['x-hub-signature-256'],
};

/** The headers of a signature. @param body the bytes that are sent; empty without a body */
export function signWebhook(scheme: WebhookScheme, secret: string, body: Uint8Array, now: Date): Map<string, string> {
  const time = String(Math.floor(now.getTime() / 1000));
  const mac = (...parts: (string | Uint8Array)[]): string => {
    const hmac = createHmac('sha256', secret);
    for (const part of parts) hmac.update(part);
    return hmac.digest('hex');
  };
  switch (scheme) {
    case 'stripe':
      return new Map([['stripe-signature', `t=${time},v1=${mac(`${time}.`, body)}`]]);
    case 'slack':
      return new Map([
        ['x-slack-request-timestamp', time],
        ['x-slack-signature', `v0=${mac(`v0:${time}:`, body)}`],
      ]);
    case 'github':
      return new Map([['x-hub-signature-256', `sha256=${mac(body)}`]]);
  }
}
