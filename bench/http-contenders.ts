/**
 * `vault.get` of the SDK, and a bare `fetch` that sends the same request and parses the same response. Both have a
 * time-out, without which a client of a server that hangs waits forever. The signal alone makes a `fetch` 1.11 times as
 * expensive.
 */
import { randomBytes } from 'node:crypto';
import { encodeKeySecret, formatApiKey } from '../core/api-keys/api-key.ts';
import { Anima } from '../sdk/src/index.ts';
import { owner, type Prepared, type Task } from './contender.ts';

/** The default of the SDK. */
const timeoutMs = 30_000;

const apiKey = formatApiKey({
  org: '0123456789abcdef',
  id: '0123456789abcdef',
  secret: encodeKeySecret(randomBytes(32)),
});

export const sdk = ({ url }: Task): Promise<Prepared> => {
  const { vault } = new Anima({ baseURL: url, apiKey, agent: 'bench' });
  return check({ name: 'SDK vault.get', run: () => vault.get(owner.name) });
};

export const bareFetch = ({ url }: Task): Promise<Prepared> => {
  const headers = { accept: 'application/json', authorization: `Bearer ${apiKey}`, 'x-anima-agent': 'bench' };
  const run = async (): Promise<string> => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), timeoutMs);
    try {
      const { signal } = controller;
      const response = await fetch(`${url}/v1/vault/values/${owner.name}`, { headers, signal });
      const { value }: { value: string } = JSON.parse(await response.text());
      return value;
    } finally {
      clearTimeout(timer);
    }
  };
  return check({ name: 'fetch with a time-out', run });
};

async function check(prepared: Prepared): Promise<Prepared> {
  const value = await prepared.run();
  if (!/^x+$/.test(String(value))) throw new Error(`${prepared.name} returned another value. Nothing was measured.`);
  return prepared;
}
