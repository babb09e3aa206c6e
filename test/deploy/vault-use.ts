/** What a user of a deployed vault does. Each function returns what it observed, for the test to compare. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { verifyExport } from '../../core/audit/audit-export.ts';
import { parseJwkSet } from '../../core/signing/jws.ts';
import { newChannelSecrets, sendWebhook, signedTwilioWebhook } from '../../local/vault/signed-webhooks.ts';
import { type Anima, UnavailableError } from '../../sdk/src/index.ts';
import type { DeployedVault } from './deployed-vault.ts';

export const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error) => error.code,
  );

/**
 * Repeats a call while the vault answers that it is unavailable. On a busy machine the emulator answers later than the
 * functions wait.
 */
async function whenAvailable<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === 12 || !(error instanceof UnavailableError)) throw error;
      await sleep(5_000);
    }
  }
}

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
  const keys = parseJwkSet(await (await fetch(`${vault.url}/.well-known/jwks.json`)).json());
  return await whenAvailable(() => verifyExport(admin.audit.export().lines(), keys, { org }));
}

/** Sends a signed SMS and waits until the worker has stored it for a user that it created. */
export async function receiveMessage(vault: DeployedVault, admin: Anima, org: string): Promise<void> {
  const secrets = newChannelSecrets();
  await admin.vault.set('channels/twilio', JSON.stringify(secrets.twilio));
  const path = `/v1/hooks/twilio/${org}`;
  const signed = signedTwilioWebhook(vault.publicUrl + path, secrets.twilio, { from: '+447700900123', text: 'hello' });
  // Providers deliver again after any other status.
  const deliver = async () => (await sendWebhook({ ...signed, url: vault.url + path })).status;
  await expect.poll(deliver, { timeout: 60_000, interval: 5_000 }).toBe(200);
  const channelUsers = async () => {
    const kinds: string[] = [];
    for await (const { slots } of admin.users.list()) kinds.push(...slots.map(({ kind }) => kind));
    return kinds;
  };
  await expect.poll(channelUsers, { timeout: 120_000, interval: 1_000 }).toContain('identity');
}
