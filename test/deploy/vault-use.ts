/** What a user of a deployed vault does. Each function returns what it observed, for the test to compare. */
import { expect } from 'vitest';
import { verifyExport } from '../../core/audit/audit-export.ts';
import { parseJwkSet } from '../../core/signing/jws.ts';
import { newChannelSecrets, sendWebhook, signedTwilioWebhook } from '../../local/vault/signed-webhooks.ts';
import type { Anima } from '../../sdk/src/index.ts';
import type { DeployedVault } from './deployed-vault.ts';

export const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error) => error.code,
  );

/** The quick start of README.md, with a new agent key, which is returned. */
export async function quickStart(vault: DeployedVault, adminKey: string): Promise<string> {
  const { key } = await vault.clientOf(adminKey).keys.create({ role: 'agent' });
  const agent = vault.clientOf(key);
  await agent.vault.set('stripe_secret', 'sk_live_…');
  expect(await agent.vault.get('stripe_secret')).toBe('sk_live_…');
  return key;
}

/** Verifies the signed export with the public keys that the deployment publishes. */
export async function verifyAudit(vault: DeployedVault, admin: Anima, org: string) {
  const keys = await fetch(`${vault.url}/.well-known/jwks.json`);
  return await verifyExport(admin.audit.export().lines(), parseJwkSet(await keys.json()), { org });
}

/** Sends a signed SMS and waits until the worker has stored it for a user that it created. */
export async function receiveMessage(vault: DeployedVault, admin: Anima, org: string): Promise<void> {
  const secrets = newChannelSecrets();
  await admin.vault.set('channels/twilio', JSON.stringify(secrets.twilio));
  const path = `/v1/hooks/twilio/${org}`;
  const signed = signedTwilioWebhook(vault.publicUrl + path, secrets.twilio, { from: '+447700900123', text: 'hello' });
  expect((await sendWebhook({ ...signed, url: vault.url + path })).status).toBe(200);
  const channelUsers = async () => {
    const kinds: string[] = [];
    for await (const { slots } of admin.users.list()) kinds.push(...slots.map(({ kind }) => kind));
    return kinds;
  };
  await expect.poll(channelUsers, { timeout: 120_000, interval: 1_000 }).toContain('identity');
}
